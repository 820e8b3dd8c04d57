import {
  type Audit,
  CATEGORY_COUNT,
  type MissCurve,
  PHASE_COUNT,
  type RunTotals,
  type StepColumns,
  type StepProfile,
  type TelemetryFrame,
  type TextDelta,
} from '../protocol/telemetry.ts';
import { computedOf } from '../report/data/computed_misses.ts';
import { CACHE_COUNTERS, PHASE_DECODE, PREFETCH_COUNTERS, type StepRow } from './step_row.ts';

/** Rows kept for the next frame at most; a frame is due ten times a second, so this is a rate of 5,000 steps a second. */
const MOST_ROWS = 512;
/** Window of the tokens/s gauge. */
const RATE_WINDOW_MS = 1000;

type MutableTotals = { -readonly [K in keyof RunTotals]: RunTotals[K] };

/** Gathers whole steps into frames, and keeps the run's totals. */
export class FrameBuilder {
  readonly totals: MutableTotals;
  private rows: StepRow[] = [];
  private text: TextDelta[] = [];
  private recent: { busyMs: number; newTokens: number }[] = [];
  private profile: StepProfile | undefined;
  private curve: MissCurve | undefined;
  private audit: Audit | undefined;
  private seq = 0;
  private droppedSteps = 0;

  constructor(
    private readonly runId: string,
    private readonly layers: number,
    private readonly devices: number,
    sequencesTotal: number,
  ) {
    this.totals = {
      steps: 0,
      elapsedMs: 0,
      promptTokens: 0,
      newTokens: 0,
      hits: 0,
      misses: 0,
      loads: 0,
      evictions: 0,
      stallMs: 0,
      sequencesDone: 0,
      sequencesTotal,
      tokensPerSecond: 0,
    };
  }

  addStep(row: StepRow): void {
    const { totals } = this;
    totals.steps++;
    totals.elapsedMs = row.endMs;
    totals.stallMs += row.stallMs;
    if (row.hiddenMs > 0) totals.hiddenMs = (totals.hiddenMs ?? 0) + row.hiddenMs;
    totals.newTokens += row.emissions.length;
    for (const phase of row.phase) if (phase !== PHASE_DECODE) totals.promptTokens++;
    for (let at = 0; at < row.cache.length; at += CACHE_COUNTERS) {
      totals.hits += row.cache[at] as number;
      totals.misses += row.cache[at + 1] as number;
      totals.loads += row.cache[at + 2] as number;
      totals.evictions += row.cache[at + 3] as number;
    }
    if (row.prefetches !== undefined) this.addPrefetches(row.prefetches);
    const computed = computedOf(row);
    if (computed > 0) {
      totals.computedMisses = (totals.computedMisses ?? 0) + computed;
      totals.computeMs = (totals.computeMs ?? 0) + row.computeMs;
    }
    for (const emission of row.emissions) if (emission.done) totals.sequencesDone++;
    this.recent.push({ busyMs: row.durationMs, newTokens: row.emissions.length });
    this.updateRate();
    this.rows.push(row);
    if (this.rows.length > MOST_ROWS) {
      this.rows.shift();
      this.droppedSteps++;
    }
  }

  private addPrefetches(counters: Uint32Array): void {
    const { totals } = this;
    const sum = (counter: number) => {
      let total = 0;
      for (let at = counter; at < counters.length; at += PREFETCH_COUNTERS) total += counters[at] as number;
      return total;
    };
    totals.prefetches = (totals.prefetches ?? 0) + sum(0);
    totals.prefetchesUsed = (totals.prefetchesUsed ?? 0) + sum(1);
    totals.prefetchesHarmed = (totals.prefetchesHarmed ?? 0) + sum(2);
  }

  addText(delta: TextDelta): void {
    this.text.push(delta);
  }

  setProfile(profile: StepProfile): void {
    this.profile = profile;
  }

  setCurve(curve: MissCurve): void {
    this.curve = curve;
  }

  setAudit(audit: Audit): void {
    this.audit = audit;
  }

  /** Everything since the last call; the frame's arrays are its own. */
  take(): TelemetryFrame {
    const frame: TelemetryFrame = {
      seq: this.seq++,
      runId: this.runId,
      steps: this.columns(),
      totals: { ...this.totals },
      text: this.text,
      ...(this.profile && { profile: this.profile }),
      ...(this.curve && { curve: this.curve }),
      ...(this.audit && { audit: this.audit }),
      droppedFrames: 0,
      droppedSteps: this.droppedSteps,
    };
    this.rows = [];
    this.text = [];
    this.profile = undefined;
    this.curve = undefined;
    this.audit = undefined;
    return frame;
  }

  get hasNews(): boolean {
    return this.rows.length > 0 || this.text.length > 0 || this.curve !== undefined || this.audit !== undefined;
  }

  /** New tokens over the last second of time spent in steps. */
  private updateRate(): void {
    let busyMs = 0;
    let newTokens = 0;
    let from = this.recent.length;
    while (from > 0 && busyMs < RATE_WINDOW_MS) {
      from--;
      busyMs += (this.recent[from] as { busyMs: number }).busyMs;
      newTokens += (this.recent[from] as { newTokens: number }).newTokens;
    }
    if (from > 0) this.recent.splice(0, from);
    this.totals.tokensPerSecond = busyMs > 0 ? (newTokens / busyMs) * 1000 : 0;
  }

  private columns(): StepColumns {
    const { rows, layers, devices } = this;
    const count = rows.length;
    const columns = {
      count,
      step: Int32Array.from(rows, (row) => row.step),
      endMs: Float64Array.from(rows, (row) => row.endMs),
      durationMs: Float32Array.from(rows, (row) => row.durationMs),
      tokens: Int32Array.from(rows, (row) => row.tokens),
      newTokens: Int32Array.from(rows, (row) => row.emissions.length),
      stallMs: Float32Array.from(rows, (row) => row.stallMs),
      hiddenMs: Float32Array.from(rows, (row) => row.hiddenMs),
      computed: Int32Array.from(rows, computedOf),
      computeMs: Float32Array.from(rows, (row) => row.computeMs),
      inactive: new Uint16Array(count * layers),
      hits: new Uint16Array(count * layers),
      misses: new Uint16Array(count * layers),
      evictions: new Uint16Array(count * layers),
      ledgerBytes: new Float64Array(count * devices * CATEGORY_COUNT),
      peakBytes: new Float64Array(count * devices),
      deviceShare: new Float32Array(count * devices),
      phaseMs: new Float32Array(count * PHASE_COUNT),
      routedPairs: Int32Array.from(rows, (row) => row.routedPairs),
      droppedPairs: Int32Array.from(rows, (row) => row.droppedPairs),
      paddingRows: Int32Array.from(rows, (row) => row.paddingRows),
    };
    for (const [index, row] of rows.entries()) {
      columns.inactive.set(row.inactive, index * layers);
      columns.ledgerBytes.set(row.ledgerBytes, index * devices * CATEGORY_COUNT);
      columns.peakBytes.set(row.peakBytes, index * devices);
      columns.deviceShare.set(row.share, index * devices);
      columns.phaseMs.set(row.phaseMs, index * PHASE_COUNT);
      for (let device = 0; device < devices; device++) {
        for (let layer = 0; layer < layers; layer++) {
          const from = (device * layers + layer) * CACHE_COUNTERS;
          const to = index * layers + layer;
          columns.hits[to] = (columns.hits[to] as number) + (row.cache[from] as number);
          columns.misses[to] = (columns.misses[to] as number) + (row.cache[from + 1] as number);
          columns.evictions[to] = (columns.evictions[to] as number) + (row.cache[from + 3] as number);
        }
      }
    }
    return columns;
  }
}
