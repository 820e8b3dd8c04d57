import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contiguous } from '../../engine/balancing/placement.ts';
import { EvictionName } from '../../engine/protocol/settings.ts';
import { activeSets } from '../../engine/replay/active_sets.ts';
import { replayAllSizes } from '../../engine/replay/all_sizes.ts';
import { type CopyRow, copyLimits, copyTable, NEVER_COPIED } from '../../engine/replay/copy_table.ts';
import { Pace } from '../../engine/replay/pace.ts';
import { traces } from '../trace/examples.ts';

const cases = fc.tuple(traces({ maxSteps: 24 }), fc.constantFrom(1, 2)).chain(([trace, devices]) =>
  fc.record({
    trace: fc.constant(trace),
    placement: fc.constant(contiguous(trace.moeLayers, trace.experts, devices)),
    slotsPerLayer: fc.integer({ min: 1, max: trace.experts }),
    eviction: fc.constantFrom(...EvictionName.options),
    rows: fc.integer({ min: 1, max: 20 }),
  }),
);

const at = (rows: readonly CopyRow[], limit: number) =>
  rows.find(({ copyAfterRows }) => copyAfterRows === limit) as CopyRow;

describe('copy or compute over a trace', () => {
  it('copies every miss at one end and none at the other, and its figures add up between', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ trace, placement, slotsPerLayer, eviction, rows: limit }) => {
        const timeline = { changes: [{ atStep: 0, slotsPerLayer, eviction, placement }] };
        const costs = { copyMs: 5, rowMs: 1 };
        const table = await copyTable(trace, timeline, costs, [0, limit, NEVER_COPIED], new Pace());
        for (const { misses, computed, copies, computedRows, stepMs } of table) {
          expect(computed + copies).toBe(misses);
          expect(computedRows).toBeGreaterThanOrEqual(computed);
          const spentMs = copies * costs.copyMs + computedRows * costs.rowMs;
          // On several devices a step waits for the slowest only.
          expect(stepMs * trace.steps).toBeLessThanOrEqual(spentMs + 1e-6);
          if (placement.devices === 1) expect(stepMs * Math.max(1, trace.steps)).toBeCloseTo(spentMs, 6);
        }
        expect(at(table, 0)).toMatchObject({ computed: 0, computedRows: 0 });
        expect(at(table, NEVER_COPIED).copies).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('misses no less than MIN with as many slots more as the largest step needs; with no more it may', async () => {
    // What is computed need not be held, as MIN must hold what a step needs: with room for that beside its slots, MIN is the floor again.
    await fc.assert(
      fc.asyncProperty(cases, async ({ trace, placement, slotsPerLayer, eviction, rows: limit }) => {
        const sets = activeSets(trace, placement);
        const counts = Array.from(sets.offsets.subarray(1), (end, event) => end - (sets.offsets[event] as number));
        const most = Math.max(0, ...counts);
        const scored = new Uint8Array(trace.steps).fill(1);
        const min = await replayAllSizes('min', sets, scored, [slotsPerLayer + most], new Pace());
        const timeline = { changes: [{ atStep: 0, slotsPerLayer, eviction, placement }] };
        const [row] = await copyTable(trace, timeline, { copyMs: 1, rowMs: 1 }, [limit], new Pace());
        expect(row?.misses).toBeGreaterThanOrEqual(min.misses[0] as number);
      }),
      { numRuns: 60 },
    );
  });

  it('compares what a copy costs in rows, and what is in force, with powers of two', () => {
    expect(copyLimits({ copyMs: 7, rowMs: 0.5 }, [0, 100])).toEqual([
      ...[0, 1, 2, 4, 8, 14, 16, 32, 64, 100, 128, 256, 512, NEVER_COPIED],
    ]);
  });
});
