import type { EngineSnapshot } from '../../../engine/protocol/messages.ts';
import { CATEGORY_COUNT, LEDGER_CATEGORIES } from '../../../engine/protocol/telemetry.ts';
import { type BlockSums, type StepSums, totalBytes } from '../../stores/block_sums.ts';
import { rowsOf, type Span, timeWindow } from '../../stores/buckets.ts';
import { idleSpread, type Spread } from '../../stores/idle_spread.ts';
import type { RunHistory } from '../../stores/history.ts';

export interface IdleLayer extends Spread {
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

/** The newest change of settings in the window, with the experts' bytes by device before it. */
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
  readonly meanIdle: number;
  readonly cache: readonly LayerCounts[];
  readonly hits: number;
  readonly misses: number;
  readonly stallMsPerStep: number;
  readonly stepMs: number;
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
  const idle = idleSpread(history, from, to, snapshot.model?.experts ?? 0).map(
    (spread, layer): IdleLayer => ({ ...spread, mean: (sums.inactive[layer] ?? 0) / steps }),
  );
  const cache = Array.from(sums.hits, (hits, layer) => ({ hits, misses: sums.misses[layer] ?? 0 }));
  return {
    steps,
    lastStep: history.stepOf(to - 1),
    spanMs: history.lastMs - history.endMsOf(from),
    idle,
    meanIdle: total(sums.inactive) / steps / Math.max(1, idle.length),
    cache,
    hits: total(sums.hits),
    misses: total(sums.misses),
    stallMsPerStep: sums.stallMs / steps,
    stepMs: sums.durationMs / steps,
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

function lastChange(history: RunHistory, from: number): CacheChange | undefined {
  const mark = history.marks.at(-1);
  const row = mark === undefined ? undefined : history.rowOfStep(mark.step);
  if (mark === undefined || row === undefined || row <= from) return undefined;
  const { devices } = history.shape;
  const before = history.slot(row - 1);
  const expertsBefore = Array.from(
    { length: devices },
    (_, device) => history.columns.ledgerBytes[(before * devices + device) * CATEGORY_COUNT + EXPERTS] ?? 0,
  );
  return { step: mark.step, label: mark.label, expertsBefore };
}

const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);
