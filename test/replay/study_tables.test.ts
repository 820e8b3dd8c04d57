import { describe, expect, it } from 'vitest';
import { cacheQuestion } from '../../engine/coordinator/cache_lab.ts';
import { openLabSource } from '../../engine/coordinator/lab_source.ts';
import type { ReplayPolicy } from '../../engine/protocol/labs.ts';
import { EvictionName } from '../../engine/protocol/settings.ts';
import { cacheTable } from '../../engine/replay/cache_table.ts';
import { Pace } from '../../engine/replay/pace.ts';
import { readTraceFile } from '../../engine/report/trace_file.ts';

/**
 * Hit rates in percent that a study of cache policies printed for the same five traces, from its own C code: the second half of the
 * decode steps, cold start, the prompt one step. Its LRU orders a step's experts as they are served, hits first (lru_served.ts).
 */
const STUDY = {
  'kimi-linear-300': {
    slots: [12, 16, 24, 32, 48, 64, 128],
    'lru-served': [38.0, 44.4, 52.1, 56.3, 65.2, 73.1, 89.1],
    lfu: [42.4, 47.2, 53.7, 59.0, 67.6, 74.6, 91.0],
    decayed: [42.3, 47.1, 53.9, 59.5, 68.0, 74.0, 89.4],
    lfru: [42.9, 48.1, 55.5, 60.6, 69.0, 75.5, 90.8],
    min: [50.8, 58.4, 67.3, 73.3, 81.0, 86.1, 95.8],
  },
  'olmoe-299': {
    slots: [12, 16, 24, 32, 48],
    'lru-served': [55.0, 63.9, 74.9, 83.6, 95.0],
    lfu: [55.2, 60.6, 71.1, 80.4, 94.2],
    decayed: [58.4, 65.6, 76.4, 84.5, 95.3],
    lfru: [57.5, 64.8, 76.3, 84.6, 95.4],
    min: [66.4, 76.1, 86.6, 92.4, 98.0],
  },
  'qwen3-30b-a3b-128': {
    slots: [9, 12, 18, 24, 32, 36, 48, 64],
    'lru-served': [43.5, 51.2, 63.8, 72.1, 81.5, 85.1, 92.5, 96.7],
    lfu: [49.0, 57.1, 67.8, 75.9, 84.0, 87.1, 93.4, 96.8],
    decayed: [48.7, 56.8, 68.1, 76.3, 84.1, 87.2, 93.1, 96.8],
    lfru: [48.1, 56.2, 67.8, 76.0, 84.0, 87.2, 93.4, 96.9],
    min: [56.1, 66.5, 78.4, 85.3, 91.0, 93.0, 96.8, 98.1],
  },
  'gemma4-26b-a4b-128': {
    slots: [9, 12, 18, 24, 32, 36, 48, 64],
    'lru-served': [43.5, 52.4, 65.3, 72.3, 80.2, 83.8, 91.9, 97.0],
    lfu: [49.9, 58.7, 69.7, 77.2, 83.8, 86.6, 93.0, 97.2],
    decayed: [49.4, 57.9, 68.6, 75.7, 82.6, 85.6, 92.4, 97.1],
    lfru: [49.3, 58.2, 69.1, 76.4, 83.4, 86.1, 92.8, 97.2],
    min: [56.8, 67.5, 78.5, 85.0, 90.5, 92.6, 96.7, 98.4],
  },
  'gpt-oss-120b-64': {
    slots: [3, 4, 6, 8, 12, 16, 32, 64],
    'lru-served': [25.3, 37.2, 52.7, 60.0, 68.4, 74.2, 85.4, 91.7],
    lfu: [27.8, 36.6, 49.5, 56.9, 66.6, 73.4, 85.4, 91.7],
    decayed: [29.3, 38.8, 52.3, 60.5, 69.3, 75.3, 85.4, 91.7],
    lfru: [29.9, 40.6, 54.6, 62.1, 70.1, 75.3, 85.4, 91.7],
    min: [38.8, 52.1, 65.9, 72.8, 80.3, 85.4, 91.7, 92.7],
  },
} as const;
type Name = keyof typeof STUDY;
const NAMES = Object.keys(STUDY) as Name[];
const POLICIES = ['lru-served', 'lfu', 'decayed', 'lfru', 'min'] as const;

/**
 * Where the printed digit is not ours, with the reason. LFRU: that code itself gives 55.449 and 56.125, as we do, and the study
 * prints a tenth more. MIN: the prompt alone exceeds the cache there; that code keeps the expert it loaded last, ours the best 16,
 * which over all steps hits 3789 times for its 3784, but two times less in the second half.
 */
const EXCEPTIONS: readonly string[] = [
  'kimi-linear-300 lfru 24',
  'qwen3-30b-a3b-128 lfru 12',
  'gpt-oss-120b-64 min 16',
];

const fileOf = (name: Name) => `models/traces/${name}.jsonl.gz`;

async function tableOf(name: Name, policies: readonly ReplayPolicy[], slots: readonly number[] = STUDY[name].slots) {
  const material = await openLabSource({ kind: 'trace', path: fileOf(name) }, undefined);
  const question = cacheQuestion(material, { slots, scored: 'decode-second-half' });
  return cacheTable({ ...question, policies }, new Pace());
}

describe('hit rates of a study on the same traces', () => {
  it.each(NAMES)('are reproduced to the printed digit: %s', async (name) => {
    const { rows, slots } = await tableOf(name, POLICIES);
    for (const { policy, missRate } of rows) {
      const printed = STUDY[name][policy as (typeof POLICIES)[number]];
      for (const [index, size] of slots.entries()) {
        const percent = 100 * (1 - (missRate[index] ?? 0));
        const place = `${name} ${policy} ${size}`;
        expect(Math.abs(percent - (printed[index] ?? 0)), place).toBeLessThan(0.1);
        if (!EXCEPTIONS.includes(place)) expect(percent.toFixed(1), place).toBe((printed[index] ?? 0).toFixed(1));
      }
    }
  });

  // Pinning gives up experts of the step itself, as no other policy does and MIN may not.
  it.each(NAMES)(
    'are bounded by MIN, for every other policy and size, and rise with the size under LRU and MIN: %s',
    async (name) => {
      const { experts } = readTraceFile(fileOf(name)).meta;
      const slots = [1, 2, 4, 8, 12, 16, 24, 32, 64, experts];
      const { rows } = await tableOf(name, [...EvictionName.exclude(['pinned']).options, 'lru-served', 'min'], slots);
      const min = rows.find(({ policy }) => policy === 'min');
      for (const { policy, misses } of rows) {
        for (const [index, count] of misses.entries()) {
          expect(min?.misses[index]).toBeLessThanOrEqual(count);
          if (policy === 'lru' || policy === 'min')
            expect(count).toBeLessThanOrEqual(misses[index - 1] ?? Number.POSITIVE_INFINITY);
        }
      }
    },
  );

  it('whose LRU can miss more with a slot more: ours cannot, and misses less where the cache is small', async () => {
    const every = Array.from({ length: 64 }, (_, index) => index + 1);
    const { rows } = await tableOf('olmoe-299', ['lru', 'lru-served'], every);
    const [ours, theirs] = rows;
    for (const [index, count] of (ours?.misses ?? []).entries())
      expect(count).toBeLessThanOrEqual(ours?.misses[index - 1] ?? count);
    const points = (index: number) => 100 * ((theirs?.missRate[index] ?? 0) - (ours?.missRate[index] ?? 0));
    expect(points(11)).toBeGreaterThan(0.5);
    expect(Math.abs(points(31))).toBeLessThan(0.1);
  });
});
