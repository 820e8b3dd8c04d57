import { describe, expect, it } from 'vitest';
import { checkScope } from '../../engine/coordinator/memory_plan.ts';
import { auditOf } from '../../engine/coordinator/run_audit.ts';
import { RunSettings } from '../../engine/protocol/settings.ts';
import { replayCaches } from '../../engine/replay/replay_cache.ts';
import { toTimeline, toTrace } from '../../engine/report/recording.ts';
import { checkLedger } from './law_checks.ts';
import { devices, emitted, runTiny, TINY, tinyPairModel } from './tiny_run.ts';

describe('slots shared by the layers of a device', () => {
  it('are refused where experts of the stacks differ in size', () => {
    // This one's encoder is narrower than its decoder.
    const { spec } = tinyPairModel('nllb_moe');
    expect(() => checkScope(spec, 'layer')).not.toThrow();
    expect(() => checkScope(spec, 'device')).toThrow('set cacheScope to layer');
    expect(() => checkScope(tinyPairModel('switch').spec, 'device')).not.toThrow();
  });

  it('are not what an older run file means', () => {
    const { cacheScope: _, ...older } = TINY;
    expect(RunSettings.parse(older).cacheScope).toBe('layer');
  });

  it('serve an encoder and a decoder: the same text, counters and ledger to the unit', async () => {
    const model = tinyPairModel('switch');
    const settings = { devices: devices(2), cacheSlots: 1, eviction: 'lfru' } as const;
    const apart = await runTiny(settings, [], model);
    const { recording, audit } = await runTiny({ ...settings, cacheScope: 'device' }, [], model);
    expect(emitted(recording)).toEqual(emitted(apart.recording));
    const replayed = auditOf(recording, replayCaches(toTrace(recording), toTimeline(recording)));
    expect(replayed.replayed).toEqual(replayed.measured);
    expect(audit).toEqual(replayed);
    expect(replayed.measured).not.toEqual(
      auditOf(apart.recording, replayCaches(toTrace(apart.recording), toTimeline(apart.recording))).measured,
    );
    checkLedger(recording, () => model.summary.deviceBytes.perExpert);
  }, 60_000);
});
