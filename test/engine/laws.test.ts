import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { contiguous } from '../../engine/balancing/placement.ts';
import { computedMisses } from '../../engine/buffering/expert_cache.ts';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { planMemory } from '../../engine/coordinator/memory_plan.ts';
import {
  CacheScope,
  EvictionChoice,
  GatingName,
  GREEDY,
  type LivePatch,
  PlacementName,
  PrefetchName,
  type RunSettings,
} from '../../engine/protocol/settings.ts';
import { CATEGORY_COUNT, LEDGER_CATEGORIES } from '../../engine/protocol/telemetry.ts';
import { Rank } from '../../engine/rank/rank.ts';
import { checkLedger, checkReplay, routing } from './law_checks.ts';
import { devices, emitted, runTiny, TINY, tinyModel } from './tiny_run.ts';

/** Few by default: a run costs half a second of processor, and every law that a run can show is checked on it. LAW_RUNS draws more. */
const RUNS = { numRuns: Number(process.env.LAW_RUNS ?? 3) };
const EXPERTS = tinyModel().summary.deviceBytes.perExpert;

const slots: fc.Arbitrary<RunSettings['cacheSlots']> = fc.oneof(
  fc.integer({ min: 1, max: 8 }),
  fc.constant('all' as const),
);
const cacheScope = fc.constantFrom(...CacheScope.options);
const eviction = fc.constantFrom(...EvictionChoice.options);
const prefetch = fc.constantFrom(...PrefetchName.options);
/** On CPU devices `auto` is 0. */
const copyAfterRows = fc.constantFrom(0, 1, 5, 40, 1_000_000, 'auto' as const);
const placement = fc.constantFrom(...PlacementName.options);
const rebalanceEvery = fc.constantFrom(0, 0, 1, 7);
const gating = fc.constantFrom(...GatingName.options);
/** Knobs at which policies drop tokens, and those at which none does. */
const dropping = { capacity: fc.constantFrom(0.1, 0.3, 1), tutelFactor: fc.constantFrom(-0.5, 0, 0.5, 1) };
const dropless = { capacity: fc.constant(1), tutelFactor: fc.constant(0) };

function starts(knobs: typeof dropping | typeof dropless): fc.Arbitrary<Partial<RunSettings>> {
  const count = fc.constantFrom(devices(1), devices(2));
  return fc.record({
    cacheSlots: slots,
    cacheScope,
    copyAfterRows,
    eviction,
    prefetch,
    placement,
    rebalanceEvery,
    gating,
    ...knobs,
    devices: count,
  });
}

function changesOf(knobs: typeof dropping | typeof dropless) {
  const patch: fc.Arbitrary<LivePatch> = fc.record(
    { cacheSlots: slots, cacheScope, eviction, copyAfterRows, prefetch, placement, rebalanceEvery, gating, ...knobs },
    { requiredKeys: [] },
  );
  return fc.array(fc.record({ afterSteps: fc.integer({ min: 0, max: 25 }), patch }), { maxLength: 4 });
}

describe('laws of a running engine', () => {
  it('2, 4, 6: with nothing dropped, the output does not depend on devices, placement, cache size, policies, or on changing them', async () => {
    const reference = (await runTiny()).recording;
    const wanted = emitted(reference);
    await fc.assert(
      fc.asyncProperty(starts(dropless), changesOf(dropless), async (settings, when) => {
        const { recording, audit } = await runTiny(settings, when);
        expect(emitted(recording)).toEqual(wanted);
        expect(routing(recording)).toEqual(routing(reference));
        checkReplay(recording, audit);
        checkLedger(recording, () => EXPERTS);
      }),
      RUNS,
    );
  }, 120_000);

  it('4, 6: whatever is dropped and changed, replay gives the live counters to the unit, and the ledger adds up in its budget', async () => {
    await fc.assert(
      fc.asyncProperty(starts(dropping), changesOf(dropping), async (settings, when) => {
        const { recording, audit } = await runTiny(settings, when);
        checkReplay(recording, audit);
        checkLedger(recording, () => EXPERTS);
      }),
      RUNS,
    );
  }, 120_000);

  describe('one sequence at a time', () => {
    // Where all experts are wanted in every step there is nothing to foresee.
    const settings = { batch: 1, cacheSlots: 2, promptCount: 4, newTokens: 32 } as const;
    let wanted: ReturnType<typeof emitted>;
    beforeAll(async () => {
      wanted = emitted((await runTiny({ ...settings, cacheSlots: 'all' })).recording);
    }, 120_000);

    it.each([1, 2].flatMap((count) => (['echo', 'router'] as const).map((prefetch) => [count, prefetch] as const)))(
      '2, 4 and 6: on %d devices, what is loaded ahead by %s changes no output, is replayed to the unit, and fits',
      async (count, prefetch) => {
        const { recording, audit } = await runTiny(
          { ...settings, devices: devices(count), eviction: 'lfru', prefetch },
          [
            { afterSteps: 70, patch: { eviction: 'echo' } },
            { afterSteps: 85, patch: { cacheScope: 'device' } },
            { afterSteps: 95, patch: { prefetch: 'off' } },
            { afterSteps: 105, patch: { prefetch, cacheSlots: 3 } },
          ],
        );
        expect(emitted(recording)).toEqual(wanted);
        checkLedger(recording, () => EXPERTS);
        const { audit: audited, replay } = checkReplay(recording, audit);
        const counted = [0, 0, 0];
        for (const { prefetches = [] } of recording.steps) {
          for (const [at, value] of prefetches.entries()) counted[at % 3] = (counted[at % 3] as number) + value;
        }
        const { loads, used, harmed } = replay.prefetchTotals;
        expect(counted).toEqual([loads, used, harmed]);
        expect(used).toBeGreaterThan(0);
        expect(audited.measured.loads).toBe(audited.measured.misses + loads);
        expect(recording.summary?.totals).toMatchObject({
          prefetches: loads,
          prefetchesUsed: used,
          prefetchesHarmed: harmed,
        });
        // Steps have what routers foresaw while they were asked, and then only.
        const asked = recording.steps.map(({ foreseen }) => foreseen !== undefined);
        expect(asked).toEqual(asked.map((_, step) => prefetch === 'router' && (step < 95 || step >= 105)));
      },
      120_000,
    );

    it.each([1, 2])(
      '2, 4 and 6: on %d devices, what the host computes instead changes no output, is replayed to the unit, and is held by nobody',
      async (count) => {
        const { recording, audit } = await runTiny(
          { ...settings, devices: devices(count), eviction: 'lru', copyAfterRows: 4 },
          [
            { afterSteps: 60, patch: { copyAfterRows: 12, prefetch: 'echo' } },
            { afterSteps: 90, patch: { gating: 'megablocks' } },
            { afterSteps: 120, patch: { copyAfterRows: 'auto' } },
          ],
        );
        expect(emitted(recording)).toEqual(wanted);
        checkLedger(recording, () => EXPERTS);
        const { replay } = checkReplay(recording, audit);
        const computed = computedMisses(replay.totals, replay.prefetchTotals.loads);
        expect(recording.summary?.totals).toMatchObject({ computedMisses: computed });
        expect(computed).toBeGreaterThan(100);
        expect(replay.totals.loads).toBeGreaterThan(10);
        for (const { step, computeMs, hostBytes } of recording.steps) {
          expect(hostBytes).toBe(0);
          if (step >= 120) expect(computeMs).toBe(0);
        }
        expect(recording.steps.filter(({ computeMs }) => computeMs > 0).length).toBeGreaterThan(40);
        expect(recording.settings.at(-1)?.copyAfterRows).toEqual(devices(count).map(() => 0));
      },
      120_000,
    );
  });

  it('6: a budget of exactly what the plan says is enough, and one byte less is refused', async () => {
    const { spec } = tinyModel();
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          devices: fc.integer({ min: 1, max: 2 }),
          batch: fc.integer({ min: 1, max: 5 }),
          slots: fc.integer({ min: 1, max: 4 }),
          gates: fc.record({ gating, ...dropping, prefetch, copyAfterRows }),
        }),
        async ({ devices: count, batch, slots: cacheSlots, gates }) => {
          const plan = planMemory(spec, { ...TINY, ...gates, devices: count, batch });
          const budgetBytes = plan.fixedBytes + cacheSlots * plan.bytesPerSlot;
          const tight = (bytes: number) => ({
            batch,
            cacheSlots,
            ...gates,
            devices: devices(count).map(({ id }) => ({ id, budgetBytes: bytes })),
          });
          checkLedger((await runTiny(tight(budgetBytes))).recording, () => EXPERTS);
          await expect(runTiny(tight(budgetBytes - 1))).rejects.toThrow(/cpu:0: .*budget/);
        },
      ),
      RUNS,
    );
  }, 120_000);

  it('6: after close everything is zero', async () => {
    const { spec } = tinyModel();
    const folder = 'test/fixtures/olmoe';
    const setup = { modelPath: folder, rank: 0, ranks: 1, device: 'cpu:0', budgetBytes: 64 << 20, exchange: undefined };
    const rank = await Rank.open(setup, spec, openCheckpoint(folder));
    await rank.apply({ slotsPerLayer: 3, eviction: 'lru', gating: TINY, placement: contiguous(2, 8, 1) });
    const row = { row: 0, sequence: 0, position: 0, tokens: Int32Array.of(5, 6, 7, 8), emit: true };
    const result = await rank.step({ step: 0, rows: [row], sampling: GREEDY, allLogits: false, profile: true });
    expect(result.ledgerBytes[LEDGER_CATEGORIES.indexOf('experts')]).toBe(2 * 3 * EXPERTS);
    expect(result.profile?.atMs.length).toBeGreaterThan(4);
    expect(Array.from(await rank.close())).toEqual(new Array(CATEGORY_COUNT).fill(0));
  });
});
