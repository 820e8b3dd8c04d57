import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contiguous } from '../../engine/balancing/placement.ts';
import { CacheScope, EvictionName } from '../../engine/protocol/settings.ts';
import { loadHistory } from '../../engine/replay/load_history.ts';
import { curveSizes, MissCurveReplay } from '../../engine/replay/miss_curve.ts';
import { CacheReplay, replayCaches } from '../../engine/replay/replay_cache.ts';
import { activeOf, traces } from '../trace/examples.ts';

const eviction = fc.constantFrom(...EvictionName.options);
const grown = traces({ maxSteps: 25 }).filter(({ steps }) => steps > 0);

describe('miss curve', () => {
  it('is at each size what a cache replay of the same steps says of the window', () => {
    const settings = fc.record({
      policy: eviction,
      scope: fc.constantFrom(...CacheScope.options),
      devices: fc.constantFrom(1, 2),
      window: fc.integer({ min: 1, max: 30 }),
    });
    fc.assert(
      fc.property(grown, settings, fc.nat(24), (trace, { policy, scope, devices, window }, start) => {
        const { moeLayers, experts } = trace;
        const from = start % trace.steps;
        const placement = contiguous(moeLayers, experts, devices);
        const slots = curveSizes(Math.ceil(experts / devices), 4);
        const curve = new MissCurveReplay(moeLayers, experts, { placement, eviction: policy, scope }, slots, window);
        for (let step = from; step < trace.steps; step++) curve.step(trace, step);
        const reading = curve.read();
        const windowFrom = Math.max(from, trace.steps - window);
        expect([reading.fromStep, reading.toStep]).toEqual([windowFrom, trace.steps]);
        let active = 0;
        for (let step = windowFrom; step < trace.steps; step++) {
          for (let layer = 0; layer < moeLayers; layer++) active += activeOf(trace, step, layer).length;
        }
        const steps = trace.steps - windowFrom;
        expect(reading.workingSet).toBeCloseTo(active / steps / moeLayers / devices, 10);
        for (const [index, slotsPerLayer] of slots.entries()) {
          const replay = new CacheReplay(moeLayers, experts);
          replay.apply({ atStep: 0, slotsPerLayer, eviction: policy, placement, scope });
          const missesOf = (device: number) =>
            Array.from({ length: moeLayers }, (_, layer) => replay.counters(device, layer).misses).reduce(
              (a, b) => a + b,
              0,
            );
          let before = [0, 0];
          for (let step = from; step < trace.steps; step++) {
            if (step === windowFrom) before = [missesOf(0), devices === 2 ? missesOf(1) : 0];
            replay.step(trace, step);
          }
          const missed = before.slice(0, devices).map((count, device) => missesOf(device) - count);
          const total = missed.reduce((a, b) => a + b, 0);
          expect(reading.missRate[index]).toBe(Math.fround(active === 0 ? 0 : total / active));
          expect(reading.missesPerStep[index]).toBe(Math.fround(Math.max(...missed) / steps));
        }
      }),
      { numRuns: 150 },
    );
  });

  it('over a whole trace is replayCaches at each size', () => {
    fc.assert(
      fc.property(grown, eviction, (trace, policy) => {
        const { moeLayers, experts } = trace;
        const placement = contiguous(moeLayers, experts, 1);
        const slots = curveSizes(experts, 32);
        const curve = new MissCurveReplay(moeLayers, experts, { placement, eviction: policy }, slots, 1000);
        for (let step = 0; step < trace.steps; step++) curve.step(trace, step);
        const rates = Array.from(slots, (slotsPerLayer) => {
          const { hits, misses } = replayCaches(trace, {
            changes: [{ atStep: 0, slotsPerLayer, eviction: policy, placement }],
          }).totals;
          return Math.fround(misses / Math.max(1, hits + misses));
        });
        expect(Array.from(curve.read().missRate)).toEqual(rates);
      }),
    );
  });

  it('has sizes from 1 to the largest, ascending, every one where there is room, and not more than asked for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 2, max: 64 }), (experts, most) => {
        const sizes = [...curveSizes(experts, most)];
        expect(sizes.length).toBeLessThanOrEqual(most);
        expect(sizes).toEqual([...new Set(sizes)].sort((a, b) => a - b));
        expect([sizes[0], sizes.at(-1)]).toEqual([1, experts]);
        if (experts <= most) expect(sizes.length).toBe(experts);
      }),
    );
  });
});

describe('load history', () => {
  it('is the count of tokens per expert of each step of the range', () => {
    fc.assert(
      fc.property(grown, fc.nat(), fc.nat(), (trace, a, b) => {
        const [from, to] = [a % (trace.steps + 1), b % (trace.steps + 1)].sort((x, y) => x - y) as [number, number];
        const { layers, experts, batches, counts } = loadHistory(trace, from, to);
        expect([layers, experts, batches]).toEqual([trace.moeLayers, trace.experts, to - from]);
        const naive: number[] = [];
        for (let step = from; step < to; step++) {
          const { ids, tokens } = trace.step(step);
          for (let layer = 0; layer < layers; layer++) {
            const row = Array.from(ids.subarray(layer * tokens * trace.topK, (layer + 1) * tokens * trace.topK));
            for (let expert = 0; expert < experts; expert++) naive.push(row.filter((id) => id === expert).length);
          }
        }
        expect([...counts]).toEqual(naive);
      }),
    );
  });
});
