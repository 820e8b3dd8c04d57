import { createStore, type StoreApi } from 'zustand/vanilla';
import type { Audit, MissCurve } from '../../engine/protocol/telemetry.ts';

/** Counted by the caches since the run began. */
export interface PrefetchTotals {
  /** Loads ahead of need. */
  readonly ahead: number;
  /** Of them, used by the step and layer that they were made for. */
  readonly used: number;
  /** Misses of what they had pushed out. */
  readonly harmed: number;
}

/** Misses that the host computed instead of a load, counted since the run began. */
export interface ComputedTotals {
  readonly computed: number;
  readonly misses: number;
  readonly steps: number;
  /** Of the host, the slowest rank's. */
  readonly ms: number;
}

/** The few numbers that React tiles show: replaced as a whole, at most four times a second (see summary_feed.ts). */
export interface SummaryState {
  readonly runId: string | undefined;
  /** Steps done. */
  readonly step: number;
  readonly tokensPerSecond: number;
  /** Over the last `RECENT_STEPS` steps, 0..1; undefined before the first expert access. */
  readonly hitRate: number | undefined;
  /** Ledger total of all devices at the last step. */
  readonly residentBytes: number;
  /** Ledger of the last step, by device and category [D][CATEGORY_COUNT]. */
  readonly ledgerBytes: readonly (readonly number[])[];
  /** Mean over the last `RECENT_STEPS` steps of the busiest device's share, 1/D..1. */
  readonly maxShare: number | undefined;
  /** Token-expert pairs that gating dropped, per token over the last `RECENT_STEPS` steps, all layers; undefined before the first. */
  readonly droppedPerToken: number | undefined;
  /** Since the run began; undefined where nothing was ever loaded ahead. */
  readonly prefetches: PrefetchTotals | undefined;
  /** Undefined where every miss loaded. */
  readonly computed: ComputedTotals | undefined;
  readonly sequencesDone: number;
  readonly sequencesTotal: number;
  readonly curve: MissCurve | undefined;
  readonly audit: Audit | undefined;
  readonly framesPerSecond: number;
  readonly droppedFrames: number;
  readonly droppedSteps: number;
  readonly historyMs: number;
  readonly historyBytes: number;
  readonly historyBudgetBytes: number;
}

export const EMPTY_SUMMARY: SummaryState = {
  runId: undefined,
  step: 0,
  tokensPerSecond: 0,
  hitRate: undefined,
  residentBytes: 0,
  ledgerBytes: [],
  maxShare: undefined,
  droppedPerToken: undefined,
  prefetches: undefined,
  computed: undefined,
  sequencesDone: 0,
  sequencesTotal: 0,
  curve: undefined,
  audit: undefined,
  framesPerSecond: 0,
  droppedFrames: 0,
  droppedSteps: 0,
  historyMs: 0,
  historyBytes: 0,
  historyBudgetBytes: 0,
};

export function createSummaryStore(): StoreApi<SummaryState> {
  return createStore<SummaryState>()(() => EMPTY_SUMMARY);
}
