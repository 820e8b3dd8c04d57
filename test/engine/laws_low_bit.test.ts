import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contiguous } from '../../engine/balancing/placement.ts';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { planMemory } from '../../engine/coordinator/memory_plan.ts';
import { auditOf } from '../../engine/coordinator/run_audit.ts';
import { bytesHeld } from '../../engine/protocol/model.ts';
import { EvictionName, GREEDY, type Precision } from '../../engine/protocol/settings.ts';
import { CATEGORY_COUNT, LEDGER_CATEGORIES } from '../../engine/protocol/telemetry.ts';
import { Rank } from '../../engine/rank/rank.ts';
import { replayCaches } from '../../engine/replay/replay_cache.ts';
import { toTimeline, toTrace } from '../../engine/report/recording.ts';
import { checkLedger, routing } from './law_checks.ts';
import { devices, emitted, runTiny, TINY, tinyModel } from './tiny_run.ts';

const INT4: Precision = { experts: 'int4', dense: 'int4' };
const FP16: Precision = { experts: 'fp16', dense: 'fp16' };
const model = tinyModel();
const EXPERT_BYTES = bytesHeld(model.summary, INT4).perExpert;

describe('laws at 4 bits, experts from a pack', () => {
  it('2, 4, 6: the same output and routing, replayed to the unit, residents times packed bytes', async () => {
    const reference = (await runTiny({ precision: INT4 })).recording;
    const exact = (await runTiny()).recording;
    expect(emitted(reference)).not.toEqual(emitted(exact));
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          cacheSlots: fc.integer({ min: 1, max: 8 }),
          eviction: fc.constantFrom(...EvictionName.options),
          devices: fc.constantFrom(devices(1), devices(2)),
        }),
        async (settings) => {
          const patch = { cacheSlots: 3, eviction: 'lru' } as const;
          const { recording, audit } = await runTiny({ ...settings, precision: INT4 }, [{ afterSteps: 9, patch }]);
          expect(recording.header.settings.precision).toEqual(INT4);
          expect(emitted(recording)).toEqual(emitted(reference));
          expect(routing(recording)).toEqual(routing(reference));
          const replayed = auditOf(recording, replayCaches(toTrace(recording), toTimeline(recording)));
          expect(replayed.replayed).toEqual(replayed.measured);
          expect(audit).toEqual(replayed);
          checkLedger(recording, () => EXPERT_BYTES);
        },
      ),
      { numRuns: Number(process.env.LAW_RUNS ?? 2) },
    );
  }, 120_000);

  it('6: a budget of exactly what the plan says is enough, and one byte less is refused before anything is packed', async () => {
    const plan = planMemory(model.spec, { ...TINY, precision: INT4, devices: 1 });
    const stored = planMemory(model.spec, { ...TINY, devices: 1 });
    expect(plan.bytesPerSlot).toBeLessThan(stored.bytesPerSlot / 5);
    expect(plan.parts.attention).toBeLessThan(stored.parts.attention);
    const tight = (bytes: number) => ({
      precision: INT4,
      cacheSlots: 2,
      devices: devices(1).map(({ id }) => ({ id, budgetBytes: bytes })),
    });
    const budgetBytes = plan.fixedBytes + 2 * plan.bytesPerSlot;
    checkLedger((await runTiny(tight(budgetBytes))).recording, () => EXPERT_BYTES);
    await expect(runTiny(tight(budgetBytes - 1))).rejects.toThrow(/cpu:0: .*budget/);
  }, 120_000);

  it('6: at 16 bits half the bytes, and the plan is enough with the one matrix that is widened', async () => {
    const short = { promptCount: 2, newTokens: 4 };
    const settings = { ...TINY, ...short, devices: 1 };
    const plan = planMemory(model.spec, { ...settings, precision: FP16 });
    const stored = planMemory(model.spec, settings);
    expect(2 * plan.bytesPerSlot).toBe(stored.bytesPerSlot);
    // Gate and up of an expert, 2 x 24 rows of 32; the dense part's largest is q, k and v.
    expect(plan.parts.expertExecution).toBeGreaterThan(stored.parts.expertExecution + 2 * 24 * 32 * 4 - 1);
    const budgetBytes = plan.fixedBytes + 2 * plan.bytesPerSlot;
    const run = { ...short, precision: FP16, cacheSlots: 2, devices: [{ id: 'cpu:0', budgetBytes }] };
    checkLedger((await runTiny(run)).recording, () => stored.bytesPerSlot / 2 / 2);
  }, 60_000);

  it.each([INT4, FP16])(
    '6: what a rank holds of either part is what the plan says of it, and nothing after close: %o',
    async (precision) => {
      const folder = 'test/fixtures/olmoe';
      const setup = {
        modelPath: folder,
        rank: 0,
        ranks: 1,
        device: 'cpu:0',
        budgetBytes: 64 << 20,
        exchange: undefined,
      };
      const rank = await Rank.open({ ...setup, precision }, model.spec, openCheckpoint(folder));
      await rank.apply({ slotsPerLayer: 3, eviction: 'lru', gating: TINY, placement: contiguous(2, 8, 1) });
      const row = { row: 0, sequence: 0, position: 0, tokens: Int32Array.of(5, 6, 7, 8), emit: true };
      const result = await rank.step({ step: 0, rows: [row], sampling: GREEDY, allLogits: false, profile: false });
      const { attention, otherDense, perExpert } = bytesHeld(model.summary, precision);
      const held = (name: (typeof LEDGER_CATEGORIES)[number]) => result.ledgerBytes[LEDGER_CATEGORIES.indexOf(name)];
      expect([held('attention'), held('otherDense')]).toEqual([attention, otherDense]);
      expect(held('experts')).toBe(2 * 3 * perExpert);
      expect(Array.from(await rank.close())).toEqual(new Array(CATEGORY_COUNT).fill(0));
    },
  );
});
