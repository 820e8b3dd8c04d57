import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { openWholeRank } from '../../engine/coordinator/logits.ts';
import { planMemory } from '../../engine/coordinator/memory_plan.ts';
import { auditOf } from '../../engine/coordinator/run_audit.ts';
import { expertBytes } from '../../engine/device/cpu/experts.ts';
import { type MoeLayer, moeLayers } from '../../engine/families/spec.ts';
import {
  EvictionChoice,
  GatingName,
  GREEDY,
  type LivePatch,
  PlacementName,
  PrefetchName,
  type RunSettings,
} from '../../engine/protocol/settings.ts';
import { CATEGORY_COUNT } from '../../engine/protocol/telemetry.ts';
import { replayCaches } from '../../engine/replay/replay_cache.ts';
import { toTimeline, toTrace } from '../../engine/report/recording.ts';
import { checkLedger, routing } from './law_checks.ts';
import { devices, emitted, runTiny, TINY, tinyPairModel } from './tiny_run.ts';

const RUNS = { numRuns: Number(process.env.LAW_RUNS ?? 3) };
/** Sources of several lengths, longer than an expert's capacity in the Switch fixture, and fewer than a batch at the end. */
const PAIRS: Partial<RunSettings> = { promptCount: 5, newTokens: 10, targetLanguage: 'deu_Latn' };

const slots: fc.Arbitrary<RunSettings['cacheSlots']> = fc.oneof(
  fc.integer({ min: 1, max: 5 }),
  fc.constant('all' as const),
);
const eviction = fc.constantFrom(...EvictionChoice.options);
const placement = fc.constantFrom(...PlacementName.options);
const batch = fc.integer({ min: 1, max: 4 });
/** Those that leave nothing out: with capacity 1 and factor 0 all do. */
const gating = fc.constantFrom(...GatingName.options);
const prefetch = fc.constantFrom(...PrefetchName.options);
const start: fc.Arbitrary<Partial<RunSettings>> = fc.record({
  cacheSlots: slots,
  eviction,
  placement,
  batch,
  gating,
  prefetch,
  copyAfterRows: fc.constantFrom(0, 20),
  devices: fc.constantFrom(devices(1), devices(2)),
});
const patch: fc.Arbitrary<LivePatch> = fc.record(
  { cacheSlots: slots, eviction, placement, batch, gating, prefetch },
  { requiredKeys: [] },
);
const changes = fc.array(fc.record({ afterSteps: fc.integer({ min: 0, max: 25 }), patch }), { maxLength: 3 });

describe.each(['nllb_moe', 'switch'] as const)('laws of an encoder-decoder, %s', (name) => {
  const model = tinyPairModel(name);
  const bytes = (layer: number) => expertBytes(moeLayers(model.spec)[layer] as MoeLayer, model.spec.hiddenSize, 'fp32');

  it('2, 4, 6: output and experts depend on nothing but the pairs, replay counts the same, the ledger holds', async () => {
    const reference = (await runTiny(PAIRS, [], model)).recording;
    const wanted = emitted(reference);
    expect(wanted.size).toBe(5);
    await fc.assert(
      fc.asyncProperty(start, changes, async (settings, when) => {
        const { recording, audit } = await runTiny({ ...PAIRS, ...settings }, when, model);
        expect(emitted(recording)).toEqual(wanted);
        expect(routing(recording)).toEqual(routing(reference));
        const replayed = auditOf(recording, replayCaches(toTrace(recording), toTimeline(recording)));
        expect(replayed.replayed).toEqual(replayed.measured);
        expect(audit).toEqual(replayed);
        expect(replayed.measured.misses).toBeGreaterThan(0);
        checkLedger(recording, bytes);
      }),
      RUNS,
    );
  }, 120_000);

  it('6: a budget of exactly what the plan says is enough, and one byte less is refused', async () => {
    for (const [count, size] of [
      [1, 3],
      [2, 2],
    ] as const) {
      const plan = planMemory(model.spec, { ...TINY, ...PAIRS, devices: count, batch: size });
      const budgetBytes = plan.fixedBytes + plan.bytesPerSlot;
      const tight = (most: number): Partial<RunSettings> => ({
        ...{ ...PAIRS, batch: size, cacheSlots: 1 },
        devices: devices(count).map(({ id }) => ({ id, budgetBytes: most })),
      });
      checkLedger((await runTiny(tight(budgetBytes), [], model)).recording, bytes);
      await expect(runTiny(tight(budgetBytes - 1), [], model)).rejects.toThrow(/cpu:0: .*budget/);
    }
  }, 60_000);

  it('the step plan of a whole batch encodes all its sources at once, and none later', async () => {
    const { recording } = await runTiny({ ...PAIRS, batch: 3 }, [], model);
    const encoder = recording.header.model.moeLayers.findIndex(({ stack }) => stack === 'encoder');
    const encoded = recording.steps.map(({ ids, tokens, request }) => {
      const { topK } = recording.header;
      const from = encoder * tokens * topK;
      const cells = Array.from(request, (_, token) => ids[from + token * topK] !== 0xffff);
      return new Set(Array.from(request).filter((_, token) => cells[token])).size;
    });
    expect(encoded.filter((sources) => sources > 0)).toEqual([3, 2]);
  });

  it('6: after close everything is zero', async () => {
    const folder = `test/fixtures/${name}`;
    const rank = await openWholeRank(folder, model.spec, openCheckpoint(folder));
    const source = Int32Array.of(9, 8, 7, 6);
    const row = { row: 0, sequence: 0, position: 0, tokens: Int32Array.of(2, 6), emit: true, source };
    await rank.step({
      ...{ step: 0, rows: [row], sampling: GREEDY, allLogits: false, profile: true },
      encoding: true,
    });
    expect(Array.from(await rank.close())).toEqual(new Array(CATEGORY_COUNT).fill(0));
  });
});
