import fc from 'fast-check';
import { expect, it } from 'vitest';
import { contiguous } from '../../engine/balancing/placement.ts';
import { LiveReplay } from '../../engine/coordinator/live_replay.ts';
import type { StepRow } from '../../engine/coordinator/step_row.ts';
import { EvictionName } from '../../engine/protocol/settings.ts';
import { projectedStepMs } from '../../engine/protocol/telemetry.ts';
import { CacheReplay } from '../../engine/replay/replay_cache.ts';
import { traces } from '../trace/examples.ts';

const LOAD_MS = 3;

/** The inspector shows both beside each other: what differs there must be the loads' times alone. */
it('the speed projected at the size in force is the speed measured over the same steps, where every load takes as long', () => {
  const grown = traces({ maxSteps: 40 }).filter(({ steps }) => steps > 0);
  const workMs = fc.array(fc.double({ min: 0.5, max: 50, noNaN: true }), { minLength: 40, maxLength: 40 });
  fc.assert(
    fc.property(grown, workMs, fc.constantFrom(...EvictionName.options), fc.nat(), (trace, work, eviction, draw) => {
      const { moeLayers, experts, steps } = trace;
      const slots = 1 + (draw % experts);
      const placement = contiguous(moeLayers, experts, 1);
      const change = { atStep: 0, slotsPerLayer: slots, eviction, placement };
      const live = new LiveReplay(trace, moeLayers, experts, LOAD_MS);
      live.change(change, { slots, slotsThatFit: experts });
      const caches = new CacheReplay(moeLayers, experts);
      caches.apply(change);
      const countersOf = () =>
        Uint32Array.from(
          Array.from({ length: moeLayers }, (_, layer) => {
            const { hits, misses, loads, evictions } = caches.counters(0, layer);
            return [hits, misses, loads, evictions];
          }).flat(),
        );
      let before = countersOf();
      for (let step = 0; step < steps; step++) {
        caches.step(trace, step);
        const now = countersOf();
        const cache = now.map((value, i) => value - (before[i] ?? 0));
        before = now;
        const loads = cache.reduce((sum, value, i) => sum + (i % 4 === 2 ? value : 0), 0);
        const stallMs = loads * LOAD_MS;
        const emissions = [{}, {}];
        const row = { step, cache, stallMs, computeMs: 0, durationMs: stallMs + (work[step] ?? 1), emissions };
        live.addMeasured({ ...row, share: Float32Array.of(1) } as unknown as StepRow);
      }
      while (!live.advance(50));
      const curve = live.readCurve();
      if (curve === undefined) throw new Error('no curve');
      const projected = (curve.newTokensPerStep * 1000) / projectedStepMs(curve, (values) => values[slots - 1] ?? 0);
      expect(projected / curve.measured.tokensPerSecond).toBeCloseTo(1, 4);
    }),
    { numRuns: 30 },
  );
});
