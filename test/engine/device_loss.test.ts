import path from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { auditOf } from '../../engine/coordinator/run_audit.ts';
import { lossIn } from '../../engine/device/device_lost.ts';
import type { RunRecording } from '../../engine/protocol/run_recording.ts';
import { CacheScope, EvictionName, PlacementName, PrefetchName } from '../../engine/protocol/settings.ts';
import { CATEGORY_COUNT } from '../../engine/protocol/telemetry.ts';
import { replayCaches } from '../../engine/replay/replay_cache.ts';
import { toTimeline, toTrace } from '../../engine/report/recording.ts';
import { checkLedger } from './law_checks.ts';
import { onThreeProcessors } from './three_processors.ts';
import { devices, emitted, runTiny, tinyModel, tinyPairModel } from './tiny_run.ts';

onThreeProcessors();

const RUNS = { numRuns: Number(process.env.LAW_RUNS ?? 3) };
const LOSING_RANK = path.resolve('test/engine/losing_rank.cjs');
const EXPERTS = tinyModel().summary.deviceBytes.perExpert;

/** @param losses as losing_rank.cjs reads them */
function runLosing(losses: string, ...[settings, changes, model]: Parameters<typeof runTiny>) {
  process.env.MOE_LOSE = losses;
  return runTiny(settings, changes, model, LOSING_RANK);
}

afterEach(() => {
  delete process.env.MOE_LOSE;
});

const lostIn = (recording: RunRecording) => recording.settings.at(-1)?.lost ?? [];

describe('a device lost in the middle of a run', () => {
  it('changes no token, and every law holds of what was recorded', async () => {
    const wanted = emitted((await runTiny()).recording);
    const settings = fc.record({
      devices: fc.constantFrom(devices(2), devices(3)),
      cacheSlots: fc.integer({ min: 1, max: 8 }),
      cacheScope: fc.constantFrom(...CacheScope.options),
      eviction: fc.constantFrom(...EvictionName.options),
      copyAfterRows: fc.constantFrom(0, 20),
      prefetch: fc.constantFrom(...PrefetchName.options),
      placement: fc.constantFrom(...PlacementName.options),
      rebalanceEvery: fc.constantFrom(0, 1, 7),
    });
    const change = fc.record({
      afterSteps: fc.integer({ min: 0, max: 20 }),
      patch: fc.record({ cacheSlots: fc.integer({ min: 1, max: 8 }) }),
    });
    // The tiny model runs a session some ten times a step on each device.
    const loss = fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 200 }));
    await fc.assert(
      fc.asyncProperty(settings, fc.array(change, { maxLength: 2 }), loss, async (start, changes, [device, run]) => {
        const { recording, audit } = await runLosing(`cpu:${device}@${run}`, start, changes);
        expect(emitted(recording)).toEqual(wanted);
        expect(lostIn(recording)).toEqual([`cpu:${device}`]);
        expect(audit?.replayed).toEqual(audit?.measured);
        const { measured, replayed } = auditOf(recording, replayCaches(toTrace(recording), toTimeline(recording)));
        expect(replayed).toEqual(measured);
        checkLedger(recording, () => EXPERTS);
        const from = recording.settings.find(({ lost }) => lost.length > 0)?.atStep ?? 0;
        for (const { ledgerBytes, share } of recording.steps.slice(from)) {
          expect(
            ledgerBytes.subarray(device * CATEGORY_COUNT, (device + 1) * CATEGORY_COUNT).every((bytes) => bytes === 0),
          ).toBe(true);
          expect(share[device]).toBe(0);
        }
      }),
      RUNS,
    );
  }, 120_000);

  it('may be the second, and may go without a word', async () => {
    const wanted = emitted((await runTiny()).recording);
    const { recording, audit } = await runLosing('cpu:0@60x,cpu:2@70', { devices: devices(3), cacheSlots: 2 });
    expect(lostIn(recording)).toEqual(['cpu:0', 'cpu:2']);
    expect(emitted(recording)).toEqual(wanted);
    expect(audit?.replayed).toEqual(audit?.measured);
  });

  it('is recorded as what it was, with what became of the sequences', async () => {
    const { recording } = await runLosing('cpu:1@120', { devices: devices(2), cacheSlots: 3 });
    const record = recording.settings.find(({ lost }) => lost.length > 0);
    expect(record?.label).toMatch(
      /^cpu:1 was lost: its driver says that it is gone \(WebGPU device lost \(2\): .*\), \d sequences? read again from their tokens; experts placed on cpu:0$/,
    );
    expect(recording.steps.map(({ step }) => step)).toEqual(recording.steps.map((_, index) => index));
    expect(recording.complete).toBe(true);
  });

  it('reads the sources of a translation again, whole, and its answers after them', async () => {
    const model = tinyPairModel('nllb_moe');
    const wanted = emitted((await runTiny({ batch: 4 }, [], model)).recording);
    const { recording, audit } = await runLosing('cpu:0@90', { batch: 4, devices: devices(2) }, [], model);
    expect(lostIn(recording)).toEqual(['cpu:0']);
    expect(emitted(recording)).toEqual(wanted);
    expect(audit?.replayed).toEqual(audit?.measured);
  });

  it('ends a run on one device with one sentence, and keeps what is recorded', async () => {
    await expect(runLosing('cpu:0@120')).rejects.toThrow(
      /^cpu:0 was lost: .*; no other device is left, so the run ends here, and the \d+ steps before are recorded\.$/,
    );
  });
});

describe('errors of providers', () => {
  it('tell a lost device from any other failure', () => {
    expect(lossIn(new Error('CUDA failure 2: out of memory ; GPU=0 ; hostname=x'))).toContain('no memory left');
    expect(lossIn(new Error('CUDA failure 719: unspecified launch failure ; GPU=0'))).toContain('its driver failed');
    expect(lossIn(new Error('Failed to allocate memory for requested buffer of size 8388608'))).toContain('no memory');
    expect(lossIn('std::bad_alloc')).toContain('no memory left');
    expect(lossIn(new Error('DXGI_ERROR_DEVICE_REMOVED'))).toContain('it is gone');
    expect(lossIn(new Error('Got invalid dimensions for input: x'))).toBeUndefined();
  });
});
