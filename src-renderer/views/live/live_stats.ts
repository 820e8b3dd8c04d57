import type { EngineSnapshot } from '../../../engine/protocol/messages.ts';
import { CATEGORY_COUNT, LEDGER_CATEGORIES } from '../../../engine/protocol/telemetry.ts';
import { type BlockSums, type StepSums, totalBytes } from '../../stores/block_sums.ts';
import { rowsOf, type Span, timeWindow } from '../../stores/buckets.ts';
import type { RunHistory } from '../../stores/history.ts';
import { idleSpread, type Spread } from '../../stores/idle_spread.ts';

export interface IdleLayer extends Spread {
  /** Steps of the window that ran the layer; an encoder's runs only where sources are encoded. 0: the rest says nothing. */
  readonly steps: number;
  readonly mean: number;
}

export interface LayerCounts {
  readonly hits: number;
  readonly misses: number;
}

/** One device over the window's steps; bytes at the newest step. */
export interface DeviceStats {
  /** Mean share of the token-expert pairs, weighted with the tokens of each step. */
  readonly meanShare: number;
  /** Highest share in one step. */
  readonly worstShare: number;
  readonly ledgerBytes: readonly number[];
  readonly totalBytes: number;
  /** Highest total within any step of the window. */
  readonly peakBytes: number;
  /** How far steps rise above the ledger at their end: mean over the window. */
  readonly riseBytes: number;
}

/** The newest change of settings in the window that changed what experts hold, with their bytes by device before it. */
export interface CacheChange {
  readonly step: number;
  readonly label: string;
  readonly expertsBefore: readonly number[];
}

/** What figures, sentences and tables say of the window: computed once for all of them. */
export interface LiveStats {
  readonly steps: number;
  readonly lastStep: number;
  readonly spanMs: number;
  readonly idle: readonly IdleLayer[];
  /** Mean over the layers that ran. */
  readonly meanIdle: number;
  readonly cache: readonly LayerCounts[];
  readonly hits: number;
  readonly misses: number;
  readonly stallMsPerStep: number;
  /** Of the loads' time, the share that passed while a device ran experts; 0 where none can. */
  readonly hiddenShare: number;
  /** Misses that the host computed instead of a load, and its time. */
  readonly computed: number;
  readonly computeMsPerStep: number;
  readonly stepMs: number;
  /** Token-expert pairs of the window, those that gating dropped, and rows that experts ran for none. */
  readonly routedPairs: number;
  readonly droppedPairs: number;
  readonly paddingRows: number;
  /** Mean milliseconds by phase of the slowest rank. */
  readonly phaseMs: readonly number[];
  readonly devices: readonly DeviceStats[];
  /** Mean over steps of the largest device share (the paper's Avg Max Load), and the largest of all (Max Load). */
  readonly avgMaxShare: number;
  readonly maxShare: number;
  readonly change: CacheChange | undefined;
}

export const EXPERTS = LEDGER_CATEGORIES.indexOf('experts');

/** `undefined` before the first step. `blocks` are of the same history. */
export function liveStats(
  history: RunHistory,
  blocks: BlockSums,
  span: Span,
  snapshot: EngineSnapshot,
): LiveStats | undefined {
  if (history.count === 0) return undefined;
  const { from, to } = rowsOf(history, timeWindow(history, span, 1));
  const sums = blocks.over(from, to);
  const { steps } = sums;
  const idle = idleSpread(history, from, to, snapshot.model?.experts ?? 0).map((spread, layer): IdleLayer => {
    const ran = sums.layerSteps[layer] ?? 0;
    return { ...spread, steps: ran, mean: ran === 0 ? 0 : (sums.inactive[layer] ?? 0) / ran };
  });
  const shown = idle.filter((layer) => layer.steps > 0);
  const cache = Array.from(sums.hits, (hits, layer) => ({ hits, misses: sums.misses[layer] ?? 0 }));
  return {
    steps,
    lastStep: history.stepOf(to - 1),
    spanMs: history.lastMs - history.endMsOf(from),
    idle,
    meanIdle: shown.reduce((sum, layer) => sum + layer.mean, 0) / Math.max(1, shown.length),
    cache,
    hits: total(sums.hits),
    misses: total(sums.misses),
    stallMsPerStep: sums.stallMs / steps,
    hiddenShare: sums.hiddenMs / Math.max(Number.MIN_VALUE, sums.hiddenMs + sums.stallMs),
    computed: sums.computed,
    computeMsPerStep: sums.computeMs / steps,
    stepMs: sums.durationMs / steps,
    routedPairs: sums.routedPairs,
    droppedPairs: sums.droppedPairs,
    paddingRows: sums.paddingRows,
    phaseMs: Array.from(sums.phaseMs, (ms) => ms / steps),
    devices: Array.from(sums.sharedTokens, (_, device) => deviceStats(history, sums, device)),
    avgMaxShare: sums.maxShareSum / steps,
    maxShare: sums.maxShare,
    change: lastChange(history, from),
  };
}

function deviceStats(history: RunHistory, sums: StepSums, device: number): DeviceStats {
  const last = history.slot(history.endRow - 1);
  const at = (last * history.shape.devices + device) * CATEGORY_COUNT;
  return {
    meanShare: sums.tokens === 0 ? 0 : (sums.sharedTokens[device] ?? 0) / sums.tokens,
    worstShare: sums.worstShare[device] ?? 0,
    ledgerBytes: Array.from(history.columns.ledgerBytes.subarray(at, at + CATEGORY_COUNT)),
    totalBytes: totalBytes(history, last, device),
    peakBytes: sums.peakBytes[device] ?? 0,
    riseBytes: (sums.riseBytes[device] ?? 0) / sums.steps,
  };
}

/** Differences smaller than this share of the experts' bytes are noise between steps. */
const NOTED_CHANGE = 0.02;

function lastChange(history: RunHistory, from: number): CacheChange | undefined {
  const now = expertBytes(history, history.endRow - 1);
  for (let i = history.marks.length - 1; i >= 0; i--) {
    const mark = history.marks[i];
    const row = mark === undefined ? undefined : history.rowOfStep(mark.step);
    if (mark === undefined || row === undefined || row <= from) return undefined;
    const before = expertBytes(history, row - 1);
    const differs = before.some(
      (bytes, device) => Math.abs(bytes - (now[device] ?? 0)) > NOTED_CHANGE * Math.max(bytes, now[device] ?? 0),
    );
    if (differs) return { step: mark.step, label: mark.label, expertsBefore: before };
  }
  return undefined;
}

/** What experts hold after the step, by device. */
function expertBytes(history: RunHistory, row: number): readonly number[] {
  const { devices } = history.shape;
  const at = history.slot(row) * devices;
  return Array.from(
    { length: devices },
    (_, device) => history.columns.ledgerBytes[(at + device) * CATEGORY_COUNT + EXPERTS] ?? 0,
  );
}

const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);
