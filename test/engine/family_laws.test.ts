import { describe, expect, it } from 'vitest';
import { planMemory } from '../../engine/coordinator/memory_plan.ts';
import { auditOf } from '../../engine/coordinator/run_audit.ts';
import type { LivePatch, RunSettings } from '../../engine/protocol/settings.ts';
import { LEDGER_CATEGORIES } from '../../engine/protocol/telemetry.ts';
import { replayCaches } from '../../engine/replay/replay_cache.ts';
import { toTimeline, toTrace } from '../../engine/report/recording.ts';
import { checkLedger, routing } from './law_checks.ts';
import { devices, emitted, runTiny, TINY, tinyModel } from './tiny_run.ts';

/**
 * What laws.test.ts draws over OLMoE holds for the families with parts of their own: latents as keys and a bias of choice, sinks and
 * windows; shared experts with a gate and dense layers between; multiplied residuals. One hard case each instead of many.
 */
describe.each(['deepseek_v3', 'gpt_oss', 'qwen2_moe', 'granitemoe'])('laws of a running engine, %s', (name) => {
  const model = tinyModel(`test/fixtures/${name}`);
  const { perExpert, kvPerToken } = model.summary.deviceBytes;
  const run = (settings: Partial<RunSettings>, changes?: Parameters<typeof runTiny>[1]) =>
    runTiny(settings, changes, model);

  it('2, 4 and 6: same output on two devices with changes under way, the replay to the unit, the ledger true', async () => {
    const plain = (await run({})).recording;
    const patches: { afterSteps: number; patch: LivePatch }[] = [
      { afterSteps: 4, patch: { cacheSlots: 1, eviction: 'lfru' } },
      { afterSteps: 12, patch: { placement: 'greedy', cacheScope: 'device', cacheSlots: 3 } },
    ];
    const { recording, audit } = await run(
      { devices: devices(2), cacheSlots: 2, eviction: 'lru', copyAfterRows: 9, prefetch: 'router' },
      patches,
    );
    expect(emitted(recording)).toEqual(emitted(plain));
    expect(routing(recording)).toEqual(routing(plain));
    const replayed = auditOf(recording, replayCaches(toTrace(recording), toTimeline(recording)));
    expect(replayed.replayed).toEqual(replayed.measured);
    expect(audit).toEqual(replayed);
    checkLedger(recording, () => perExpert);
    // Whole blocks of 64 tokens for each of the batch's rows.
    const kv = plain.steps.map(({ ledgerBytes }) => ledgerBytes[LEDGER_CATEGORIES.indexOf('kvCache')]);
    expect(Math.max(...kv.map((bytes) => bytes ?? 0))).toBe(TINY.batch * 64 * kvPerToken);
  }, 60_000);
});

// The plan reads the spec alone, so one family is enough.
it('6: a budget of exactly what the plan says is enough, and one byte less is refused', async () => {
  const model = tinyModel('test/fixtures/deepseek_v3');
  const plan = planMemory(model.spec, { ...TINY, devices: 1 });
  const budgetBytes = plan.fixedBytes + 2 * plan.bytesPerSlot;
  const tight = (bytes: number) =>
    runTiny({ cacheSlots: 2, devices: [{ id: 'cpu:0', budgetBytes: bytes }] }, [], model);
  checkLedger((await tight(budgetBytes)).recording, () => model.summary.deviceBytes.perExpert);
  await expect(tight(budgetBytes - 1)).rejects.toThrow(/cpu:0: .*budget/);
}, 60_000);
