import { describe, expect, it } from 'vitest';
import { DeviceRouting } from '../../engine/buffering/device_routing.ts';
import { ExpertCache } from '../../engine/buffering/expert_cache.ts';
import { readTraceFile } from '../../engine/report/trace_file.ts';
import { ActiveScan, type RoutingTrace } from '../../engine/trace/trace.ts';

/** Hit rate by slots as a study of the same policy measured it, in other code and single precision. */
const STUDY: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  'kimi-linear-300': { 12: 45.0, 16: 50.8, 24: 57.5, 32: 62.5, 48: 70.1, 64: 76.2, 128: 91.0 },
  'olmoe-299': { 12: 60.4, 16: 68.4, 24: 78.8, 32: 86.3, 48: 95.6 },
  'qwen3-30b-a3b-128': { 9: 50.0, 12: 58.3, 18: 69.2, 24: 77.2, 32: 84.9, 36: 87.8, 48: 93.6, 64: 96.9 },
  'gemma4-26b-a4b-128': { 9: 50.0, 12: 59.2, 18: 70.3, 24: 77.2, 32: 83.8, 36: 86.7, 48: 93.0, 64: 97.2 },
  'gpt-oss-120b-64': { 3: 30.7, 4: 42.0, 6: 54.3, 8: 62.4, 12: 70.1, 16: 75.3, 32: 85.4, 64: 91.7 },
};

describe('routing echo on traces of real models', () => {
  it.each(Object.entries(STUDY))('has the hit rates of the study on %s', (name, study) => {
    const { trace } = readTraceFile(`models/traces/${name}.jsonl.gz`);
    const slots = Object.keys(study).map(Number);
    const percents = hitPercents(trace, slots);
    for (const [index, size] of slots.entries()) {
      expect(Math.abs((percents[index] as number) - (study[size] as number)), `${size} slots`).toBeLessThan(0.1);
    }
  });
});

/** The second half of the decode passes counts; the prompt is one pass that does not. */
function hitPercents(trace: RoutingTrace, slots: readonly number[]): number[] {
  const { moeLayers, experts } = trace;
  const prompts = Array.from({ length: trace.steps }, (_, step) => trace.step(step).phase[0] === 0);
  const prefill = prompts.filter(Boolean).length;
  const scored = prefill + Math.floor((trace.steps - prefill) / 2);
  const routing = new DeviceRouting(moeLayers, experts);
  const sizes = slots.map((size) =>
    Array.from({ length: moeLayers }, (_, layer) => new ExpertCache(experts, size, 'echo', { routing, layer })),
  );
  const scan = new ActiveScan(experts);
  const read = () =>
    sizes.map((caches) => {
      const sum = (field: 'hits' | 'misses') => caches.reduce((total, { counters }) => total + counters[field], 0);
      return { hits: sum('hits'), misses: sum('misses') };
    });
  let before = read();
  for (let step = 0; step < trace.steps; step++) {
    if (step === scored) before = read();
    for (let layer = 0; layer < moeLayers; layer++) {
      const count = scan.scan(trace, step, layer);
      for (const caches of sizes) (caches[layer] as ExpertCache).serve(scan.ids, 0, count);
    }
  }
  return read().map(({ hits, misses }, index) => {
    const first = before[index] as { hits: number; misses: number };
    return (100 * (hits - first.hits)) / (hits - first.hits + misses - first.misses);
  });
}
