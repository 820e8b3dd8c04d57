import type { RunInfo } from '../../engine/protocol/messages.ts';
import type { RunSettings } from '../../engine/protocol/settings.ts';
import { CATEGORY_COUNT, type TelemetryFrame } from '../../engine/protocol/telemetry.ts';
import { FakeText } from './fake_text.ts';
import { columnsOf, type FakeStep, FakeWorkload, LAYERS } from './fake_workload.ts';

const MIB = 2 ** 20;

/** Steps of one run and the frames that tell of them. */
export class FakeTelemetry {
  readonly workload: FakeWorkload;
  readonly text: FakeText;
  steps = 0;
  nowMs = 0;
  private seq = 0;
  private readonly totals = { hits: 0, misses: 0, stallMs: 0, tokens: 0 };

  constructor(settings: RunSettings) {
    this.workload = new FakeWorkload(settings);
    this.text = new FakeText(settings.batch);
  }

  step(batch: number): FakeStep {
    const step = this.workload.next();
    const { totals } = this;
    this.steps++;
    this.nowMs += step.durationMs;
    totals.hits += sum(step.hits);
    totals.misses += sum(step.misses);
    totals.stallMs += step.stallMs;
    totals.tokens += batch;
    return step;
  }

  frame(rows: readonly FakeStep[], { id, settings }: RunInfo, budgetBytes: number): TelemetryFrame {
    const { batch, promptCount } = settings;
    const spanMs = sum(rows.map(({ durationMs }) => durationMs));
    let end = this.nowMs - spanMs;
    const endMs = rows.map((row) => {
      end += row.durationMs;
      return end;
    });
    const { hits, misses, stallMs, tokens } = this.totals;
    const counters = { hits, misses, loads: misses, evictions: misses };
    const last = rows.at(-1);
    return {
      seq: ++this.seq,
      runId: id,
      steps: columnsOf(rows, this.steps - rows.length, endMs, batch),
      totals: {
        steps: this.steps,
        elapsedMs: this.nowMs,
        promptTokens: batch * 64,
        newTokens: tokens,
        ...counters,
        stallMs,
        sequencesDone: Math.min(this.text.done, promptCount),
        sequencesTotal: promptCount,
        tokensPerSecond: (rows.length * batch * 1000) / spanMs,
      },
      text: this.text.next(rows.length, misses / Math.max(1, hits + misses)),
      curve: this.workload.curve(budgetBytes),
      audit: { steps: this.steps, measured: counters, replayed: counters },
      profile: last === undefined ? undefined : profileOf(last, this.steps - 1),
      droppedFrames: 0,
      droppedSteps: 0,
    };
  }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** The ledger within one step: gating buffers at the start of each layer, execution buffers in the middle of it. */
function profileOf(step: FakeStep, number: number): NonNullable<TelemetryFrame['profile']> {
  const points = LAYERS * 4;
  const bytes = new Float64Array(points * CATEGORY_COUNT);
  for (let i = 0; i < points; i++) {
    bytes.set(step.ledger.slice(0, CATEGORY_COUNT), i * CATEGORY_COUNT);
    const phase = i % 4;
    bytes[i * CATEGORY_COUNT + 5] = phase === 1 || phase === 2 ? 0.9 * MIB : 0.1 * MIB;
    bytes[i * CATEGORY_COUNT + 6] = phase === 2 ? 1.2 * MIB : 0.1 * MIB;
  }
  const atMs = Float32Array.from({ length: points }, (_, i) => (i / points) * step.durationMs);
  return { step: number, device: 0, atMs, bytes };
}
