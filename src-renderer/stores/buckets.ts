import type { RunHistory } from './history.ts';

/**
 * Downsampling to the width of a chart. Buckets lie on multiples of their width since the run began, so a bucket that is
 * complete never changes while the window moves over it: curves glide instead of flickering, and it is computed once.
 */
export interface TimeWindow {
  readonly fromMs: number;
  readonly toMs: number;
  readonly bucketMs: number;
}

export type Span = number | 'all';

/** No step began for this long after the last one ended: a pause, drawn as a gap. */
const GAP_MS = 1500;

/** A curve gets one point for this many pixels. */
const PIXELS_PER_BUCKET = 2;

const LEAST_WINDOW_MS = 1000;

export function timeWindow(history: RunHistory, span: Span, pixels: number): TimeWindow {
  const toMs = history.lastMs;
  const buckets = Math.max(1, Math.floor(pixels / PIXELS_PER_BUCKET));
  if (span !== 'all') return { fromMs: toMs - span, toMs, bucketMs: span / buckets };
  const startMs = history.count === 0 ? 0 : history.endMsOf(history.firstRow);
  const fromMs = Math.min(startMs, toMs - LEAST_WINDOW_MS);
  // Doubled rather than stretched as the run grows: otherwise every bucket would move at every repaint.
  const bucketMs = 2 ** Math.ceil(Math.log2((toMs - fromMs) / buckets));
  return { fromMs, toMs, bucketMs };
}

/** Rows of the steps that ended within the window, [from, to). */
export function rowsOf(history: RunHistory, window: TimeWindow): { readonly from: number; readonly to: number } {
  return { from: history.rowAt(window.fromMs), to: history.endRow };
}

export interface Bucket {
  /** Rows [from, to). */
  readonly from: number;
  readonly to: number;
  /** When its last step ended. */
  readonly endMs: number;
  /** End of the step before, when a pause lies between. */
  readonly pausedAtMs: number | undefined;
  /** What `measure` wrote; undefined when the bucket's steps say nothing (no requests, say). */
  readonly values: Float64Array | undefined;
}

/** Measures rows [from, to) into `out`; false when they have no value. */
export type Measure = (from: number, to: number, out: Float64Array) => boolean;

/** The buckets of one chart: kept from one repaint to the next, only new steps are measured. */
export class BucketSeries {
  /**
   * Those that reach into the window of the last `update`, oldest first, and one before them for the segment at the edge; the newest
   * only once it has enough steps.
   */
  buckets: readonly Bucket[] = [];
  private readonly history: RunHistory;
  private readonly width: number;
  private readonly measure: Measure;
  private kept: Bucket[] = [];
  private bucketMs = 0;
  private generation = -1;
  private fromRow = 0;

  constructor(history: RunHistory, width: number, measure: Measure) {
    this.history = history;
    this.width = width;
    this.measure = measure;
  }

  update(window: TimeWindow): void {
    const { history } = this;
    const startRow = this.startRow(window);
    const isStale = window.bucketMs !== this.bucketMs || history.generation !== this.generation;
    if (isStale || startRow < this.fromRow) this.kept = [];
    this.bucketMs = window.bucketMs;
    this.generation = history.generation;
    this.fromRow = startRow;
    // The newest bucket may have got more steps.
    const open = this.kept.pop();
    for (let row = open?.from ?? startRow; row < history.endRow; ) {
      const bucket = this.next(row);
      this.kept.push(bucket);
      row = bucket.to;
    }
    const gone = this.kept.findIndex((bucket) => bucket.to > startRow);
    if (gone > 0) this.kept.splice(0, gone);
    this.buckets = this.isOpening() ? this.kept.slice(0, -1) : this.kept;
  }

  /** A mean over the first few steps of the newest bucket would twitch at the edge: it waits for half the steps of the last. */
  private isOpening(): boolean {
    const [before, newest] = this.kept.slice(-2);
    return before !== undefined && newest !== undefined && (newest.to - newest.from) * 2 < before.to - before.from;
  }

  /** Of the step before the bucket that the window's left edge cuts. */
  private startRow(window: TimeWindow): number {
    const edge = this.history.rowAt(Math.floor(window.fromMs / window.bucketMs) * window.bucketMs);
    return Math.max(this.history.firstRow, edge - 1);
  }

  private next(from: number): Bucket {
    const { history, bucketMs } = this;
    const { endMs, durationMs } = history.columns;
    const first = history.slot(from);
    let lastMs = endMs[first] ?? 0;
    const index = Math.floor(lastMs / bucketMs);
    const beforeMs = from > history.firstRow ? history.endMsOf(from - 1) : Number.NaN;
    const pausedAtMs = lastMs - (durationMs[first] ?? 0) - beforeMs > GAP_MS ? beforeMs : undefined;
    let to = from + 1;
    for (; to < history.endRow; to++) {
      const slot = history.slot(to);
      const ms = endMs[slot] ?? 0;
      if (Math.floor(ms / bucketMs) !== index || ms - (durationMs[slot] ?? 0) - lastMs > GAP_MS) break;
      lastMs = ms;
    }
    const out = new Float64Array(this.width);
    const values = this.measure(from, to, out) ? out : undefined;
    return { from, to, endMs: lastMs, pausedAtMs, values };
  }
}

/** Points as ECharts takes them without an array per point: x0, y0, x1, y1, ... x in ms before the window's end. NaN breaks. */
export type Points = Float64Array;

/** Value `index` of each bucket over time. */
export function pointsOf(series: BucketSeries, window: TimeWindow, index: number): Points {
  const data: number[] = [];
  for (const { endMs, pausedAtMs, values } of series.buckets) {
    if (pausedAtMs !== undefined) data.push(pausedAtMs + 1 - window.toMs, Number.NaN);
    if (values !== undefined) data.push(endMs - window.toMs, values[index] ?? Number.NaN);
  }
  return Float64Array.from(data);
}

/** Lowest and highest of value `index` over the buckets; undefined without one. */
export function extentOf(
  series: BucketSeries,
  index: number,
): { readonly lowest: number; readonly highest: number } | undefined {
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  for (const { values } of series.buckets) {
    const value = values?.[index];
    if (value === undefined) continue;
    lowest = Math.min(lowest, value);
    highest = Math.max(highest, value);
  }
  return lowest <= highest ? { lowest, highest } : undefined;
}

/** Value `index` of the newest bucket that has one. */
export function lastOf(series: BucketSeries, index: number): number | undefined {
  for (let i = series.buckets.length - 1; i >= 0; i--) {
    const value = series.buckets[i]?.values?.[index];
    if (value !== undefined) return value;
  }
  return undefined;
}
