import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { planMemory } from '../../engine/coordinator/memory_plan.ts';
import { auditOf } from '../../engine/coordinator/run_audit.ts';
import type { RunRecording } from '../../engine/protocol/run_recording.ts';
import { GatingName, PrefetchName } from '../../engine/protocol/settings.ts';
import { CATEGORY_COUNT, LEDGER_CATEGORIES } from '../../engine/protocol/telemetry.ts';
import { CacheReplay, replayCaches } from '../../engine/replay/replay_cache.ts';
import { toTimeline, toTrace } from '../../engine/report/recording.ts';
import { devices, emitted, runTiny, TINY, tinyModel } from './tiny_run.ts';

// Three devices where the machine that runs the tests has two cores: a device is a thread, it only has to wait longer.
vi.mock('node:os', async (original) => {
  const os = await original<typeof import('node:os')>();
  const cpus = () => [...os.cpus(), ...os.cpus(), ...os.cpus()];
  return { ...os, cpus, default: { ...os, cpus } };
});

const RUNS = { numRuns: Number(process.env.LAW_RUNS ?? 6) };
const { summary, spec } = tinyModel();
/** Long enough for a placement from history, and some more of them. */
const LONG = { promptCount: 12, rebalanceEvery: 6 };
const settings = fc.record({
  placement: fc.constantFrom('replicated' as const, 'levelled' as const),
  devices: fc.constantFrom(devices(2), devices(3)),
  cacheSlots: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant('all' as const)),
  gating: fc.constantFrom(...GatingName.options),
  prefetch: fc.constantFrom(...PrefetchName.options),
  batch: fc.integer({ min: 1, max: 6 }),
});

describe('experts on several devices', () => {
  it('2, 4, 6: the output is that of one device, replay agrees to the unit, the ledger holds what the caches hold', async () => {
    const wanted = emitted((await runTiny(LONG)).recording);
    let replicated = 0;
    await fc.assert(
      fc.asyncProperty(settings, async (choice) => {
        const { recording, audit } = await runTiny({ ...LONG, ...choice });
        expect(emitted(recording)).toEqual(wanted);
        const replayed = auditOf(recording, replayCaches(toTrace(recording), toTimeline(recording)));
        expect(replayed.replayed).toEqual(replayed.measured);
        expect(audit).toEqual(replayed);
        checkLedger(recording);
        replicated += recording.settings.filter(({ placement }) => placement.copies.some((count) => count > 1)).length;
      }),
      RUNS,
    );
    expect(replicated).toBeGreaterThan(0);
  }, 240_000);

  it('6: a budget of exactly what the plan says is enough', async () => {
    await fc.assert(
      fc.asyncProperty(settings, async (choice) => {
        const count = choice.devices.length;
        const plan = planMemory(spec, { ...TINY, ...LONG, ...choice, devices: count });
        const slots = choice.cacheSlots === 'all' ? plan.expertsPerDevice : choice.cacheSlots;
        const budgetBytes = plan.fixedBytes + Math.min(slots, plan.expertsPerDevice) * plan.bytesPerSlot;
        const tight = devices(count).map(({ id }) => ({ id, budgetBytes }));
        checkLedger((await runTiny({ ...LONG, ...choice, devices: tight })).recording);
      }),
      RUNS,
    );
  }, 240_000);

  it('takes the busiest device down: levelled below contiguous over the same steps', async () => {
    const largest = async (placement: 'contiguous' | 'levelled') => {
      const { recording } = await runTiny({
        ...LONG,
        rebalanceEvery: 0,
        placement,
        devices: devices(2),
        promptCount: 18,
      });
      const steps = recording.steps.filter(({ step, tokens }) => step > 32 && tokens > 0);
      expect(steps.length).toBeGreaterThan(4);
      return steps.reduce((sum, { share }) => sum + Math.max(...share), 0) / steps.length;
    };
    expect(await largest('levelled')).toBeLessThan(await largest('contiguous'));
  }, 60_000);
});

function checkLedger(recording: RunRecording): void {
  const { devices: used, moeLayers, experts } = recording.header;
  const trace = toTrace(recording);
  const pending = [...toTimeline(recording).changes];
  const replay = new CacheReplay(moeLayers, experts);
  const expertsLine = LEDGER_CATEGORIES.indexOf('experts');
  for (const { step, ledgerBytes, peakBytes } of recording.steps) {
    while (pending[0] !== undefined && pending[0].atStep <= step)
      replay.apply(pending.shift() as (typeof pending)[number]);
    replay.step(trace, step);
    for (const [device, { budgetBytes }] of used.entries()) {
      expect(peakBytes[device]).toBeLessThanOrEqual(budgetBytes);
      expect(ledgerBytes[device * CATEGORY_COUNT + expertsLine]).toBe(
        replay.residents(device) * summary.deviceBytes.perExpert,
      );
    }
  }
}
