import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameMerger, MOST_ROWS } from '../../engine/protocol/frame-merger.ts';
import {
  CATEGORY_COUNT,
  PHASE_COUNT,
  type RunTotals,
  type StepColumns,
  type TelemetryFrame,
  type TextDelta,
} from '../../engine/protocol/telemetry.ts';

const LAYERS = 3;
const DEVICES = 2;
const SMALL_BOUND = 16;

/** Every cell of row r holds a number made of the row's step and its column. */
function columns(firstStep: number, count: number): StepColumns {
  const fill = <T extends Int32Array | Uint16Array | Float32Array | Float64Array>(array: T): T => {
    const width = array.length / Math.max(1, count);
    for (let i = 0; i < array.length; i++) array[i] = firstStep + Math.floor(i / width) + (i % width) * 7;
    return array;
  };
  return {
    count,
    step: fill(new Int32Array(count)),
    endMs: fill(new Float64Array(count)),
    durationMs: fill(new Float32Array(count)),
    tokens: fill(new Int32Array(count)),
    newTokens: fill(new Int32Array(count)),
    stallMs: fill(new Float32Array(count)),
    hiddenMs: fill(new Float32Array(count)),
    computed: fill(new Int32Array(count)),
    computeMs: fill(new Float32Array(count)),
    inactive: fill(new Uint16Array(count * LAYERS)),
    hits: fill(new Uint16Array(count * LAYERS)),
    misses: fill(new Uint16Array(count * LAYERS)),
    evictions: fill(new Uint16Array(count * LAYERS)),
    ledgerBytes: fill(new Float64Array(count * DEVICES * CATEGORY_COUNT)),
    peakBytes: fill(new Float64Array(count * DEVICES)),
    deviceShare: fill(new Float32Array(count * DEVICES)),
    phaseMs: fill(new Float32Array(count * PHASE_COUNT)),
    routedPairs: fill(new Int32Array(count)),
    droppedPairs: fill(new Int32Array(count)),
    paddingRows: fill(new Int32Array(count)),
  };
}

const totals = (steps: number): RunTotals => ({
  steps,
  elapsedMs: steps,
  promptTokens: 0,
  newTokens: steps,
  hits: 0,
  misses: 0,
  loads: 0,
  evictions: 0,
  stallMs: 0,
  sequencesDone: 0,
  sequencesTotal: 1,
  tokensPerSecond: 0,
});

function frame(seq: number, firstStep: number, count: number, extra: Partial<TelemetryFrame> = {}): TelemetryFrame {
  return {
    seq,
    runId: 'run',
    steps: columns(firstStep, count),
    totals: totals(firstStep + count),
    text: [],
    droppedFrames: 0,
    droppedSteps: 0,
    ...extra,
  };
}

const spell = (deltas: readonly TextDelta[]) => {
  const spelled = new Map<number, string>();
  for (const { sequence, prompt, pieces } of deltas) {
    const letters = pieces.map(({ text, waited }) =>
      [...text].map((letter) => (waited ? letter.toUpperCase() : letter)).join(''),
    );
    spelled.set(
      sequence,
      `${spelled.get(sequence) ?? ''}${prompt === undefined ? '' : `<${prompt}>`}${letters.join('')}`,
    );
  }
  return spelled;
};

const piece = fc.record({ text: fc.stringMatching(/^[a-z]{0,3}$/), waited: fc.boolean() });
const delta: fc.Arbitrary<TextDelta> = fc.record({
  sequence: fc.nat(3),
  row: fc.nat(7),
  pieces: fc.array(piece, { maxLength: 5 }),
});
const arrival = fc.record({
  count: fc.oneof(fc.nat(3), fc.nat(20)),
  text: fc.uniqueArray(delta, { maxLength: 3, selector: ({ sequence }) => sequence }),
  taken: fc.boolean(),
});

describe('FrameMerger', () => {
  it('hands on every step in order below the bound, and all text', () => {
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 12 }), (arrivals) => {
        const merger = new FrameMerger(SMALL_BOUND);
        const frames: TelemetryFrame[] = [];
        let step = 0;
        let lastDropped = 0;
        const take = () => {
          const taken = merger.take();
          if (taken === undefined) return;
          expect(taken.steps.count).toBeLessThanOrEqual(SMALL_BOUND);
          expect(taken.droppedSteps).toBeGreaterThanOrEqual(lastDropped);
          lastDropped = taken.droppedSteps;
          frames.push(taken);
        };
        for (const [seq, { count, text, taken }] of arrivals.entries()) {
          merger.add(frame(seq, step, count, { text }));
          step += count;
          if (taken) take();
        }
        take();
        expect(merger.take()).toBeUndefined();

        const steps = frames.flatMap((taken) => [...taken.steps.step]);
        expect(steps.length + lastDropped).toBe(step);
        expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
        for (const taken of frames) {
          const [first] = taken.steps.step;
          if (first !== undefined) expect(taken.steps).toEqual(columns(first, taken.steps.count));
        }
        expect(spell(frames.flatMap(({ text }) => text))).toEqual(spell(arrivals.flatMap(({ text }) => text)));
        expect(frames.length + (frames.at(-1)?.droppedFrames ?? 0)).toBe(arrivals.length);
      }),
      { numRuns: 200 },
    );
  });

  it('drops the oldest steps over the bound and counts them', () => {
    const merger = new FrameMerger();
    merger.add(frame(0, 0, 1000));
    merger.add(frame(1, 1000, 100));
    const taken = merger.take();
    expect(taken?.steps).toEqual(columns(1100 - MOST_ROWS, MOST_ROWS));
    expect(taken).toMatchObject({ seq: 1, droppedSteps: 1100 - MOST_ROWS, droppedFrames: 1, totals: { steps: 1100 } });
  });

  it('keeps the last profile, curve and audit, and a sequence that began and ended meanwhile', () => {
    const audit = (steps: number) => {
      const counts = { hits: steps, misses: 0, loads: 0, evictions: 0 };
      return { steps, measured: counts, replayed: counts };
    };
    const merger = new FrameMerger();
    merger.add(
      frame(0, 0, 1, {
        audit: audit(1),
        text: [{ sequence: 4, row: 0, prompt: 'p', pieces: [{ text: 'a', waited: false }] }],
      }),
    );
    merger.add(frame(1, 1, 1, { audit: audit(2) }));
    merger.add(frame(2, 2, 1, { text: [{ sequence: 4, row: 0, pieces: [{ text: 'b', waited: false }], done: true }] }));
    expect(merger.take()).toMatchObject({
      audit: { steps: 2 },
      text: [{ sequence: 4, prompt: 'p', pieces: [{ text: 'ab', waited: false }], done: true }],
    });
  });

  it('starts over with a new run', () => {
    const merger = new FrameMerger();
    merger.add(frame(0, 0, 1200));
    merger.add(frame(1, 1200, 3));
    merger.add(frame(0, 0, 2, { runId: 'next' }));
    expect(merger.take()).toMatchObject({ runId: 'next', droppedFrames: 0, droppedSteps: 0, steps: { count: 2 } });
  });
});
