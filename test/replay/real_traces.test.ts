import { describe, expect, it } from 'vitest';
import { contiguous } from '../../engine/balancing/placement.ts';
import type { EvictionName } from '../../engine/protocol/settings.ts';
import { CacheReplay } from '../../engine/replay/replay_cache.ts';
import { readTraceFile } from '../../engine/report/trace_file.ts';
import { MISSING, type RoutingTrace } from '../../engine/trace/trace.ts';
import { activeOf, stepsOf } from '../trace/examples.ts';

const FOLDER = 'models/traces';
const SLOTS = [12, 16, 24, 32, 48];

describe('traces of real models', () => {
  const olmoe = readTraceFile(`${FOLDER}/olmoe-299.jsonl.gz`);
  const gptOss = readTraceFile(`${FOLDER}/gpt-oss-120b-64.jsonl.gz`);

  it('are read: a step per decode token, the prompt in one', () => {
    expect(olmoe.meta).toMatchObject({ model: 'allenai/OLMoE-1B-7B-0924', moeLayers: 16, experts: 64, topK: 8 });
    expect([olmoe.trace.steps, olmoe.trace.tokens]).toEqual([299, 299]);
    expect([...olmoe.trace.stepIds(0).subarray(0, 8)]).toEqual([6, 8, 15, 23, 31, 37, 53, 63]);
    expect(olmoe.trace.step(0).weights).toBeUndefined();

    expect(gptOss.meta).toMatchObject({ moeLayers: 36, experts: 128, topK: 2 });
    expect(gptOss.meta.expertBytes?.length).toBe(36);
    expect([gptOss.trace.steps, gptOss.trace.tokens, gptOss.trace.stepTokens(0)]).toEqual([65, 149, 85]);
    // The source computes the last layer for the last prompt token only.
    const missing = stepsOf(gptOss.trace).map(({ ids }) => ids.filter((id) => id === MISSING).length);
    expect(missing).toEqual([84 * 2, ...new Array(64).fill(0)]);
    expect([...(gptOss.trace.step(0).weights ?? [])].slice(0, 2)).toEqual([Math.fround(0.5295), Math.fround(0.4705)]);
    expect([...gptOss.trace.step(64).position]).toEqual([148]);
  });

  it('give the hit rates of an LRU that was measured with other code on the same trace', () => {
    // That study lets a step use its experts in serving order (hits, then misses); the second half of the decode passes counts.
    const study = [55.0, 63.9, 74.9, 83.6, 95.0];
    for (const [index, slots] of SLOTS.entries()) {
      expect(Math.abs(lruByHand(olmoe.trace, slots, 'serving order') - (study[index] ?? 0))).toBeLessThan(0.1);
    }
  });

  it('give under our LRU what the definition gives, in which a step uses its experts together: a little more', () => {
    const ours = SLOTS.map((slots) => hitPercent(olmoe.trace, slots, 'lru'));
    expect(ours).toEqual(SLOTS.map((slots) => lruByHand(olmoe.trace, slots, 'id')));
    expect(ours.map((percent) => percent.toFixed(1))).toEqual(['55.7', '64.0', '75.0', '83.7', '95.0']);
    expect(SLOTS.map((slots) => hitPercent(olmoe.trace, slots, 'lifo-lru'))).toEqual(ours);
  });

  it('leave no choice where the active set fills the cache: every policy hits what the next token uses again', () => {
    const [first, ...others] = (['lru', 'lifo', 'lifo-lru'] as const).map((policy) =>
      hitPercent(olmoe.trace, 8, policy),
    );
    expect(others).toEqual([first, first]);
  });

  it('rank the newest-in reading of the paper below LRU at batch 1', () => {
    for (const slots of SLOTS)
      expect(hitPercent(olmoe.trace, slots, 'lifo')).toBeLessThan(hitPercent(olmoe.trace, slots, 'lru'));
  });
});

const scoredFrom = (trace: RoutingTrace) => Math.floor(trace.steps / 2);

function hitPercent(trace: RoutingTrace, slotsPerLayer: number, eviction: EvictionName): number {
  const { moeLayers, experts } = trace;
  const replay = new CacheReplay(moeLayers, experts);
  replay.apply({ atStep: 0, slotsPerLayer, eviction, placement: contiguous(moeLayers, experts, 1) });
  let before = replay.totals;
  for (let step = 0; step < trace.steps; step++) {
    if (step === scoredFrom(trace)) before = replay.totals;
    replay.step(trace, step);
  }
  const hits = replay.totals.hits - before.hits;
  return (100 * hits) / (hits + replay.totals.misses - before.misses);
}

/** LRU as a list, oldest first; every active set fits. */
function lruByHand(trace: RoutingTrace, slots: number, within: 'serving order' | 'id'): number {
  let hits = 0;
  let accesses = 0;
  for (let layer = 0; layer < trace.moeLayers; layer++) {
    let held: number[] = [];
    for (let step = 0; step < trace.steps; step++) {
      const active = activeOf(trace, step, layer);
      const hit = active.filter((expert) => held.includes(expert));
      const missed = active.filter((expert) => !held.includes(expert));
      const others = held.filter((expert) => !active.includes(expert));
      const kept = others.slice(Math.max(0, others.length - (slots - active.length)));
      held = [...kept, ...(within === 'id' ? active : [...hit, ...missed])];
      if (step < scoredFrom(trace)) continue;
      hits += hit.length;
      accesses += active.length;
    }
  }
  return (100 * hits) / accesses;
}
