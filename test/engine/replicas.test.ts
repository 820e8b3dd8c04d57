import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { planMemory } from '../../engine/coordinator/memory_plan.ts';
import { inspectModel } from '../../engine/coordinator/open_model.ts';
import { auditOf } from '../../engine/coordinator/run_audit.ts';
import { CACHE_COUNTERS } from '../../engine/coordinator/step_row.ts';
import type { RunRecording } from '../../engine/protocol/run_recording.ts';
import { GatingName, PrefetchName } from '../../engine/protocol/settings.ts';
import { CATEGORY_COUNT, LEDGER_CATEGORIES } from '../../engine/protocol/telemetry.ts';
import { CacheReplay, replayCaches } from '../../engine/replay/replay_cache.ts';
import { toTimeline, toTrace } from '../../engine/report/recording.ts';
import { writeOlmoe } from './llama_tensors.ts';
import { devices, emitted, runTiny, TINY, tinyModel } from './tiny_run.ts';

// Three devices where the machine that runs the tests has two cores: a device is a thread, it only has to wait longer.
vi.mock('node:os', async (original) => {
  const os = await original<typeof import('node:os')>();
  const cpus = () => [...os.cpus(), ...os.cpus(), ...os.cpus()];
  return { ...os, cpus, default: { ...os, cpus } };
});

const RUNS = { numRuns: Number(process.env.LAW_RUNS ?? 2) };
const { spec } = tinyModel();
const SIXTEEN = writeOlmoe({ hidden: 16, heads: 2, width: 12, layers: 2, experts: 16, topK: 3, vocab: 97 });
/** Long enough for a placement from history, and some more of them. */
const LONG = { promptCount: 12, rebalanceEvery: 6 };
const settings = fc.record({
  placement: fc.constantFrom('replicated' as const, 'levelled' as const),
  devices: fc.constantFrom(devices(2), devices(3)),
  cacheSlots: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant('all' as const)),
  gating: fc.constantFrom(...GatingName.options),
  copyAfterRows: fc.constantFrom(0, 20),
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
        checkReplay(recording, audit);
        checkLedger(recording);
        replicated += recording.settings.filter(({ placement }) => placement.copies.some((count) => count > 1)).length;
      }),
      RUNS,
    );
    expect(replicated).toBeGreaterThan(0);
  }, 240_000);

  it.each(GatingName.options)(
    '2, 4, 6: with nothing dropped, under %s gating on two devices and on three',
    async (gating) => {
      // Steps enough for a placement from history, experts enough for copies on two devices.
      const whole = { ...LONG, ignoreEnd: true };
      const model = { ...tinyModel(), ...inspectModel(SIXTEEN) };
      const wanted = emitted((await runTiny(whole, [], model)).recording);
      for (const [placement, count] of [
        ['levelled', 2],
        ['levelled', 3],
        ['contiguous', 3],
      ] as const) {
        const choice = { gating, placement, devices: devices(count), cacheSlots: 3 };
        const { recording, audit } = await runTiny({ ...whole, ...choice }, [], model);
        expect(emitted(recording)).toEqual(wanted);
        checkReplay(recording, audit);
        checkLedger(recording);
        const hasCopies = recording.settings.some((change) => change.placement.copies.some((copies) => copies > 1));
        expect(hasCopies).toBe(placement === 'levelled');
        if (gating !== 'static') continue;
        // Law 3: E S slots at C = 1, whichever copies they are on.
        const { experts, topK, moeLayers } = recording.header;
        for (const step of recording.steps) expect(step.paddingRows).toBe(moeLayers * step.tokens * (experts - topK));
      }
    },
    240_000,
  );

  it('4, 6: rows that are padded or dropped, and copies that none of them came to', async () => {
    const knobs = fc.record({
      gating: fc.constantFrom('static' as const, 'tutel' as const),
      capacity: fc.constantFrom(0.05, 0.3, 1),
      tutelFactor: fc.constantFrom(-1, 0.5, 1.5),
    });
    await fc.assert(
      fc.asyncProperty(settings, knobs, async (choice, gates) => {
        const { recording, audit } = await runTiny({ ...LONG, ...choice, ...gates });
        checkReplay(recording, audit);
        checkLedger(recording);
        // Every copy is asked for in every step that passes a layer, whether or not a row of the batch fell to it.
        for (const change of recording.settings) {
          const held = heldOnAll(change.placement, recording.header);
          const step = recording.steps.find(({ step: at }) => at === change.atStep);
          expect(accesses(step)).toBe(held);
        }
      }),
      RUNS,
    );
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

function checkReplay(recording: RunRecording, audit: unknown): void {
  const replayed = auditOf(recording, replayCaches(toTrace(recording), toTimeline(recording)));
  expect(replayed.replayed).toEqual(replayed.measured);
  expect(audit).toEqual(replayed);
}

/** Experts that devices hold, over all layers and devices; two copies on one device are one. */
function heldOnAll(
  { devices: count, copies, deviceOf }: RunRecording['settings'][number]['placement'],
  { moeLayers, experts }: RunRecording['header'],
): number {
  const held = new Set<number>();
  let copy = 0;
  for (let expert = 0; expert < moeLayers * experts; expert++) {
    for (let i = 0; i < (copies[expert] as number); i++) held.add(expert * count + (deviceOf[copy++] as number));
  }
  return held.size;
}

/** Hits and misses of a step. */
function accesses(step: RunRecording['steps'][number] | undefined): number {
  return Array.from(step?.cache ?? []).reduce((sum, count, at) => (at % CACHE_COUNTERS < 2 ? sum + count : sum), 0);
}

function checkLedger(recording: RunRecording): void {
  const { devices: used, moeLayers, experts, model } = recording.header;
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
        replay.residents(device) * model.deviceBytes.perExpert,
      );
    }
  }
}
