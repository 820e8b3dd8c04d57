import { describe, expect, it } from 'vitest';
import { contiguous } from '../../engine/balancing/placement.ts';
import type { EvictionName, PrefetchName } from '../../engine/protocol/settings.ts';
import { CacheReplay } from '../../engine/replay/replay_cache.ts';
import { readTraceFile } from '../../engine/report/trace_file.ts';
import type { RoutingTrace } from '../../engine/trace/trace.ts';

/** Demand hits in percent, and loads relative to plain LRU's, of echo eviction with calibrated prefetch: a study's figures. */
const STUDY = [
  { name: 'kimi-linear-300', slots: 32, hits: 73.0, loads: 1.02 },
  { name: 'olmoe-299', slots: 32, hits: 90.1, loads: 1.0 },
  { name: 'qwen3-30b-a3b-128', slots: 24, hits: 79.0, loads: 0.84 },
  { name: 'gemma4-26b-a4b-128', slots: 24, hits: 78.8, loads: 0.84 },
];

describe('prefetch on traces of real models', () => {
  it.each(STUDY)('has the hits and loads of the study on $name', ({ name, slots, hits, loads }) => {
    const { trace } = readTraceFile(`models/traces/${name}.jsonl.gz`);
    const lru = scored(trace, slots, 'lru', 'off');
    const echo = scored(trace, slots, 'echo', 'echo');
    // The study lets a prefetch be as large as the event that follows; here it is as large as the one before.
    expect(Math.abs(echo.hitPercent - hits)).toBeLessThan(0.25);
    expect(Math.abs(echo.loads / lru.loads - loads)).toBeLessThan(0.02);
    expect(echo.used / echo.ahead).toBeGreaterThan(0.6);
  });

  it('switches itself off where it does not pay: 64 tokens of a model with two experts a token', () => {
    const { trace } = readTraceFile('models/traces/gpt-oss-120b-64.jsonl.gz');
    for (const slots of [4, 16]) expect(scored(trace, slots, 'lfru', 'echo').ahead).toBe(0);
  });
});

/** The second half of the decode passes counts. */
function scored(trace: RoutingTrace, slotsPerLayer: number, eviction: EvictionName, prefetch: PrefetchName) {
  const { moeLayers, experts, steps } = trace;
  let prefill = 0;
  while (trace.step(prefill).phase[0] === 0) prefill++;
  const from = prefill + Math.floor((steps - prefill) / 2);
  const replay = new CacheReplay(moeLayers, experts);
  replay.apply({ atStep: 0, slotsPerLayer, eviction, prefetch, placement: contiguous(moeLayers, experts, 1) });
  let [before, aheadBefore] = [replay.totals, replay.prefetchTotals];
  for (let step = 0; step < steps; step++) {
    if (step === from) [before, aheadBefore] = [replay.totals, replay.prefetchTotals];
    replay.step(trace, step);
  }
  const [after, ahead] = [replay.totals, replay.prefetchTotals];
  const hits = after.hits - before.hits;
  return {
    hitPercent: (100 * hits) / (hits + after.misses - before.misses),
    loads: after.loads - before.loads,
    ahead: ahead.loads - aheadBefore.loads,
    used: ahead.used - aheadBefore.used,
  };
}
