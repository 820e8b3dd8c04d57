import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contiguous } from '../../engine/balancing/placement.ts';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { BLOCK_ROWS, wholeBlocks } from '../../engine/gating/megablocks.ts';
import { capacityRows } from '../../engine/gating/static.ts';
import { shareRows } from '../../engine/gating/tutel.ts';
import type { RunRecording } from '../../engine/protocol/run_recording.ts';
import { GatingName, type GatingSettings, GREEDY } from '../../engine/protocol/settings.ts';
import type { StepResult } from '../../engine/rank/messages.ts';
import { Rank } from '../../engine/rank/rank.ts';
import { devices, inForce, runTiny, tinyModel } from './tiny_run.ts';

/** Few by default; LAW_RUNS draws more. */
const RUNS = { numRuns: Number(process.env.LAW_RUNS ?? 4) };
const { spec, summary } = tinyModel();
const { experts, topK } = summary;
const layers = summary.moeLayers.length;
const TWO = { batch: 2, promptCount: 2 };

describe('law 3: what policies run is what they plan', () => {
  it('static with C = 1, and every policy without drops, gives the logits of dynamic gating', async () => {
    const sequence = fc.array(fc.integer({ min: 2, max: 96 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(fc.array(sequence, { minLength: 1, maxLength: 3 }), async (sequences) => {
        await withRank(async (rank) => {
          const reference = await logitsUnder(rank, { gating: 'dynamic', capacity: 1, tutelFactor: 0 }, sequences);
          for (const gating of GatingName.options) {
            const result = await logitsUnder(rank, { gating, capacity: 1, tutelFactor: 0 }, sequences);
            expect(result.droppedPairs).toBe(0);
            expect(result.ids).toEqual(reference.ids);
            expect(largestDifference(result, reference)).toBeLessThan(1e-4);
          }
        });
      }),
      RUNS,
    );
  }, 120_000);

  it('experts run exactly the slots of the policy, on one device and on two', async () => {
    const knobs = fc.record({
      gating: fc.constantFrom(...GatingName.options),
      capacity: fc.constantFrom(0.05, 0.25, 0.5, 1),
      tutelFactor: fc.constantFrom(-1, 0, 0.5, 1.5),
    });
    // A run takes longer to open than its steps do: each goes by several policies in turn.
    const inTurn = fc.array(knobs, { minLength: 4, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(inTurn, fc.constantFrom(1, 2), async ([first, ...others], count) => {
        const changes = others.map((patch, index) => ({ afterSteps: 4 * (index + 1), patch }));
        const settings = { ...first, ...TWO, devices: devices(count), cacheSlots: 3, ignoreEnd: true };
        const { recording } = await runTiny(settings, changes);
        expect(recording.steps.length).toBeGreaterThan(4 * others.length);
        for (const step of recording.steps) {
          const kept = step.tokens * topK * layers - step.droppedPairs;
          expect(step.paddingRows + kept).toBe(plannedSlots(recording, step, inForce(recording, step.step).settings));
        }
      }),
      RUNS,
    );
  }, 240_000);

  it('a dropped pair adds nothing: with room for one row an expert, only that one differs from the residual stream', async () => {
    await withRank(async (rank) => {
      const all = { gating: 'static', capacity: 1, tutelFactor: 0 } as const;
      const whole = await logitsUnder(rank, all, [[5, 6, 7, 8, 9, 10]]);
      const cut = await logitsUnder(rank, { ...all, capacity: 1 / 6 }, [[5, 6, 7, 8, 9, 10]]);
      expect(cut.droppedPairs).toBeGreaterThan(0);
      expect(cut.rows).toBe(layers * experts);
      expect(largestDifference(whole, cut)).toBeGreaterThan(1e-3);
    });
  });
});

/** Rows that a step's experts should run, all layers and devices, from the recorded routing and the paper's formulas alone. */
function plannedSlots(recording: RunRecording, step: RunRecording['steps'][number], settings: GatingSettings): number {
  const rankTokens = tokensByRank(recording, step);
  let slots = 0;
  for (let layer = 0; layer < layers; layer++) {
    const counts = rankTokens.map(() => new Array<number>(experts).fill(0));
    let at = layer * step.tokens * topK;
    for (const [rank, tokens] of rankTokens.entries()) {
      for (let pair = 0; pair < tokens * topK; pair++, at++) {
        const expert = step.ids[at] as number;
        (counts[rank] as number[])[expert] = ((counts[rank] as number[])[expert] as number) + 1;
      }
    }
    const together = Array.from({ length: experts }, (_, e) => counts.reduce((sum, of) => sum + (of[e] as number), 0));
    const busiest = Math.max(...counts.flat());
    for (const tokens of rankTokens) {
      if (settings.gating === 'static') slots += experts * capacityRows(settings.capacity, tokens);
      if (settings.gating === 'tutel') {
        const share = shareRows(settings.tutelFactor, tokens, experts, topK);
        slots +=
          experts * (settings.tutelFactor > 0 ? share : settings.tutelFactor < 0 ? Math.min(share, busiest) : busiest);
      }
    }
    if (settings.gating === 'megablocks') for (const rows of together) slots += wholeBlocks(rows, BLOCK_ROWS);
    if (['dynamic', 'fastmoe', 'megablocks-grouped'].includes(settings.gating)) slots += step.tokens * topK;
  }
  return slots;
}

/** With two sequences, each device has one. */
function tokensByRank({ header }: RunRecording, { request, tokens }: RunRecording['steps'][number]): number[] {
  if (header.devices.length === 1) return [tokens];
  return [0, 1].map((sequence) => request.filter((id) => id === sequence).length);
}

async function withRank(use: (rank: Rank) => Promise<void>): Promise<void> {
  const folder = 'test/fixtures/olmoe';
  const setup = { modelPath: folder, rank: 0, ranks: 1, device: 'cpu:0', budgetBytes: 64 << 20, exchange: undefined };
  const rank = await Rank.open(setup, spec, openCheckpoint(folder));
  await use(rank);
  expect((await rank.close()).every((bytes) => bytes === 0)).toBe(true);
}

async function logitsUnder(rank: Rank, gating: GatingSettings, sequences: readonly number[][]): Promise<StepResult> {
  await rank.apply({ slotsPerLayer: 3, eviction: 'lru', gating, placement: contiguous(layers, experts, 1) });
  const rows = sequences.map((tokens, row) => ({
    row,
    sequence: row,
    position: 0,
    tokens: Int32Array.from(tokens),
    emit: false,
  }));
  return rank.step({ step: 0, rows, sampling: GREEDY, allLogits: true, profile: false });
}

function largestDifference(a: StepResult, b: StepResult): number {
  let largest = 0;
  for (const [i, value] of (a.logits as Float32Array).entries()) {
    largest = Math.max(largest, Math.abs(value - (b.logits?.[i] ?? Number.NaN)));
  }
  return largest;
}
