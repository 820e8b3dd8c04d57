import { expect, it } from 'vitest';
import { auditOf } from '../../engine/coordinator/run_audit.ts';
import { GatingName, type LivePatch, type RunSettings } from '../../engine/protocol/settings.ts';
import { replayCaches } from '../../engine/replay/replay_cache.ts';
import { toTimeline, toTrace } from '../../engine/report/recording.ts';
import { checkLedger, routing } from '../engine/law_checks.ts';
import { emitted, runTiny, tinyModel } from '../engine/tiny_run.ts';

const EXPERT_BYTES = tinyModel().summary.deviceBytes.perExpert;
const CARD = { id: 'webgpu:0', budgetBytes: 64 << 20 };
const PROCESSOR = { id: 'cpu:0', budgetBytes: 64 << 20 };
const SHORT: Partial<RunSettings> = { promptCount: 4, promptTokens: 12, newTokens: 6, batch: 3 };

/** One run by every policy in turn: a card compiles its programs anew for each run, and there it takes longer than all else. */
const everyGating = GatingName.options.map((gating, index) => ({ afterSteps: 1 + 2 * index, patch: { gating } }));

/** Laws 2, 4 and 6 of a run on a card, against the same run on a processor. */
async function check(
  devices: RunSettings['devices'],
  settings: Partial<RunSettings>,
  changes: readonly { afterSteps: number; patch: LivePatch }[],
): Promise<void> {
  const reference = (await runTiny({ ...SHORT, ...settings, devices: [PROCESSOR] })).recording;
  const { recording, audit } = await runTiny({ ...SHORT, ...settings, devices }, changes);
  expect(emitted(recording)).toEqual(emitted(reference));
  expect(routing(recording)).toEqual(routing(reference));
  const replayed = auditOf(recording, replayCaches(toTrace(recording), toTimeline(recording)));
  expect(replayed.replayed).toEqual(replayed.measured);
  expect(audit).toEqual(replayed);
  checkLedger(recording, () => EXPERT_BYTES);
  expect(recording.settings.length).toBeGreaterThan(changes.length);
  expect(recording.summary?.totals.computedMisses).toBeGreaterThan(10);
  expect(recording.steps.some(({ hostBytes }) => hostBytes > 0)).toBe(true);
  // Loads beside what is queued are told apart from those that the step waits for; a processor hides none.
  expect(recording.summary?.totals.hiddenMs).toBeGreaterThan(0);
  expect(reference.summary?.totals.hiddenMs).toBeUndefined();
}

it('a card alone: the tokens of a processor, whatever is resident; caches replay to the unit; the ledger holds', () =>
  check([CARD], { cacheSlots: 2, eviction: 'lru', cacheScope: 'device', prefetch: 'router', copyAfterRows: 9 }, [
    { afterSteps: 3, patch: { cacheSlots: 'all', gating: 'static' } },
    { afterSteps: 5, patch: { cacheSlots: 3, gating: 'megablocks' } },
  ]));

it('a card beside a processor, experts on both, by every gating policy: the same', () =>
  check([PROCESSOR, CARD], { cacheSlots: 2, copyAfterRows: 12, placement: 'eplb', rebalanceEvery: 3 }, everyGating));
