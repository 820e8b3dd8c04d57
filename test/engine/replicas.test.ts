import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { HISTORY_STEPS } from '../../engine/coordinator/live_placement.ts';
import { planMemory } from '../../engine/coordinator/memory_plan.ts';
import { inspectModel } from '../../engine/coordinator/open_model.ts';
import { CACHE_COUNTERS } from '../../engine/coordinator/step_row.ts';
import type { RunRecording } from '../../engine/protocol/run_recording.ts';
import { GatingName, PrefetchName } from '../../engine/protocol/settings.ts';
import { checkLedger, checkReplay } from './law_checks.ts';
import { writeOlmoe } from './llama_tensors.ts';
import { onThreeProcessors } from './three_processors.ts';
import { devices, emitted, inForce, runTiny, TINY, tinyModel } from './tiny_run.ts';

onThreeProcessors();

/** Few by default: a run costs a second of processor. LAW_RUNS draws more. */
const RUNS = Number(process.env.LAW_RUNS ?? 2);
const tiny = tinyModel();
const EXPERT_BYTES = tiny.summary.deviceBytes.perExpert;
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

/** Copies of every expert on three devices, so that what is drawn never leaves this out. */
const COPIED = {
  placement: 'replicated' as const,
  ...{ devices: devices(3), cacheSlots: 2, batch: 3, gating: 'dynamic' as const, prefetch: 'off' as const },
  copyAfterRows: 0 as const,
};

const hasCopies = ({ placement }: RunRecording['settings'][number]) => placement.copies.some((count) => count > 1);

describe('experts on several devices', () => {
  it('2, 4, 6: the output is that of one device, replay agrees to the unit, in a budget of exactly what the plan says', async () => {
    const wanted = emitted((await runTiny(LONG)).recording);
    let replicated = 0;
    await fc.assert(
      fc.asyncProperty(settings, async (choice) => {
        const count = choice.devices.length;
        const plan = planMemory(tiny.spec, { ...TINY, ...LONG, ...choice, devices: count });
        const slots = choice.cacheSlots === 'all' ? plan.expertsPerDevice : choice.cacheSlots;
        const budgetBytes = plan.fixedBytes + Math.min(slots, plan.expertsPerDevice) * plan.bytesPerSlot;
        const tight = devices(count).map(({ id }) => ({ id, budgetBytes }));
        const { recording, audit } = await runTiny({ ...LONG, ...choice, devices: tight });
        expect(emitted(recording)).toEqual(wanted);
        checkReplay(recording, audit);
        checkLedger(recording, () => EXPERT_BYTES);
        replicated += recording.settings.filter(hasCopies).length;
      }),
      { numRuns: RUNS + 1, examples: [[COPIED]] },
    );
    expect(replicated).toBeGreaterThan(0);
  }, 240_000);

  describe('with nothing dropped, by every gating policy in turn', () => {
    // Experts enough for copies on two devices, and the first policy's turn comes once there is a placement from history.
    const whole = { ...LONG, promptCount: 15, ignoreEnd: true };
    const begun = HISTORY_STEPS + 2 * LONG.rebalanceEvery;
    const model = { ...tiny, ...inspectModel(SIXTEEN) };
    const inTurn = GatingName.options.map((gating, index) => ({ afterSteps: begun + 6 * index, patch: { gating } }));
    let wanted: ReturnType<typeof emitted>;
    beforeAll(async () => {
      wanted = emitted((await runTiny(whole, [], model)).recording);
    }, 120_000);

    it.each([
      ['levelled', 2],
      ['levelled', 3],
      ['contiguous', 3],
    ] as const)(
      '2, 3, 4, 6: %s on %d devices: the output of one',
      async (placement, count) => {
        const choice = { placement, devices: devices(count), cacheSlots: 3 };
        const { recording, audit } = await runTiny({ ...whole, ...choice }, inTurn, model);
        expect(emitted(recording)).toEqual(wanted);
        checkReplay(recording, audit);
        checkLedger(recording, () => model.summary.deviceBytes.perExpert);
        const { experts, topK, moeLayers } = recording.header;
        for (const gating of GatingName.options) {
          const steps = recording.steps.filter(
            ({ step }) => step >= begun && inForce(recording, step).settings.gating === gating,
          );
          expect(steps.length).toBeGreaterThan(3);
          expect(steps.every(({ step }) => hasCopies(inForce(recording, step)))).toBe(placement === 'levelled');
          if (gating !== 'static') continue;
          // Law 3: E S slots at C = 1, whichever copies they are on.
          for (const step of steps) expect(step.paddingRows).toBe(moeLayers * step.tokens * (experts - topK));
        }
      },
      120_000,
    );
  });

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
        checkLedger(recording, () => EXPERT_BYTES);
        // Every copy is asked for in every step that passes a layer, whether or not a row of the batch fell to it.
        for (const change of recording.settings) {
          const held = heldOnAll(change.placement, recording.header);
          const step = recording.steps.find(({ step: at }) => at === change.atStep);
          expect(accesses(step)).toBe(held);
        }
      }),
      { numRuns: RUNS },
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
  }, 120_000);
});

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
