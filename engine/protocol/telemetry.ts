import type { CacheSlots, EvictionName } from './settings.ts';

/**
 * One frame of telemetry: every whole step since the last delivered frame, as columns of numbers.
 * The engine sends raw per-step rows and the window aggregates them, so that what is drawn can be checked against the run file.
 * n steps, L MoE layers (encoder layers first), D devices. All arrays are row-major, step first.
 */

/** Ledger categories in their fixed order; colours and stacking follow it everywhere. */
export const LEDGER_CATEGORIES = [
  'embedding',
  'attention',
  'otherDense',
  'experts',
  'kvCache',
  'gatingReorder',
  'expertExecution',
] as const;
export type LedgerCategory = (typeof LEDGER_CATEGORIES)[number];
export const CATEGORY_COUNT = LEDGER_CATEGORIES.length;

/** Phases of a rank's step, in order. `other` is what none of the timers covers (scheduling, embedding, sampling). */
export const STEP_PHASES = [
  'attention',
  'gate',
  'reorder',
  'exchange',
  'load',
  'experts',
  'combine',
  'head',
  'other',
] as const;
export type StepPhase = (typeof STEP_PHASES)[number];
export const PHASE_COUNT = STEP_PHASES.length;

/** In place of a number of inactive experts. */
export const NOT_RUN = 0xffff;

export interface StepColumns {
  readonly count: number;
  /** Step number, from 0 [n]. */
  readonly step: Int32Array;
  /** End of the step on the engine's monotonic clock, ms since the run began [n]. */
  readonly endMs: Float64Array;
  readonly durationMs: Float32Array;
  /** Tokens processed (prompt tokens and new tokens) [n]. */
  readonly tokens: Int32Array;
  /** New tokens emitted [n]. */
  readonly newTokens: Int32Array;
  /** Time ranks waited for expert loads, the slowest rank's [n]. */
  readonly stallMs: Float32Array;
  /** Load time that passed while the device ran experts, the rank's that hid most [n]. */
  readonly hiddenMs: Float32Array;
  /** Misses that the host computed instead, all devices together, and the time that it took, the slowest rank's [n]. */
  readonly computed: Int32Array;
  readonly computeMs: Float32Array;
  /** Experts with no token in this step [n, L]; NOT_RUN where no token went through the layer (an encoder's, between sources). */
  readonly inactive: Uint16Array;
  /** Expert-cache counters of this step, all devices together [n, L]. A step's evictions include those of a resize before it. */
  readonly hits: Uint16Array;
  readonly misses: Uint16Array;
  readonly evictions: Uint16Array;
  /** Ledger at the end of the step [n, D, CATEGORY_COUNT], bytes. */
  readonly ledgerBytes: Float64Array;
  /** Highest ledger total within the step [n, D], bytes. */
  readonly peakBytes: Float64Array;
  /** Share of the rows that experts ran, padding included, by device [n, D]; they add up to 1. */
  readonly deviceShare: Float32Array;
  /** Milliseconds by phase of the slowest rank [n, PHASE_COUNT]. */
  readonly phaseMs: Float32Array;
  /** Token-expert pairs that were routed, those of them that gating dropped, and rows without a token that experts ran: all layers and devices together [n]. */
  readonly routedPairs: Int32Array;
  readonly droppedPairs: Int32Array;
  readonly paddingRows: Int32Array;
}

/** Cumulative since the run began; gauges where it says so. */
export interface RunTotals {
  readonly steps: number;
  readonly elapsedMs: number;
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly hits: number;
  readonly misses: number;
  readonly loads: number;
  readonly evictions: number;
  /** Of the loads, those ahead of need; of them, used by the event that they were for; and misses of what they pushed out. */
  readonly prefetches?: number;
  readonly prefetchesUsed?: number;
  readonly prefetchesHarmed?: number;
  /** Of the misses, those that the host computed, and its time; absent where it computed none. */
  readonly computedMisses?: number;
  readonly computeMs?: number;
  readonly stallMs: number;
  /** Load time that passed while a device ran experts; absent where none did. */
  readonly hiddenMs?: number;
  readonly sequencesDone: number;
  readonly sequencesTotal: number;
  /** Gauge: new tokens per second over the last second of running time (pauses taken out). Measured. */
  readonly tokensPerSecond: number;
}

/** The ledger within one step of one device, at every change: shows the spikes of gating and reordering. Measured. */
export interface StepProfile {
  readonly step: number;
  readonly device: number;
  /** ms since the step began [m]. */
  readonly atMs: Float32Array;
  /** [m, CATEGORY_COUNT] */
  readonly bytes: Float64Array;
}

/** New text of one sequence. */
export interface TextDelta {
  readonly sequence: number;
  /** Row in the batch where it is shown. */
  readonly row: number;
  /** Set once, when the sequence starts. */
  readonly prompt?: string;
  /** The prompt is a source, and what follows its translation. */
  readonly isSource?: boolean;
  /** Generated pieces; `waited` marks a token that waited for at least one expert to load. */
  readonly pieces: readonly { readonly text: string; readonly waited: boolean }[];
  readonly done?: boolean;
}

/**
 * The curve under the slider: miss rate against cache size for this workload under the current policy and placement.
 * `missRate`, `missesPerStep`: replayed. `measured`: counted by the live caches over the same steps.
 * Tokens/s at another size is projected: newTokensPerStep / projectedStepMs.
 */
export interface MissCurve {
  readonly eviction: EvictionName;
  /** Steps that the curve covers, [fromStep, toStep). */
  readonly fromStep: number;
  readonly toStep: number;
  /** Slots per layer and device, ascending [m]. */
  readonly slots: Int32Array;
  /** misses / accesses [m]. */
  readonly missRate: Float32Array;
  /** Loads: mean over the window, the device with most; loads ahead of need count too, since each costs as much [m]. */
  readonly missesPerStep: Float32Array;
  /** Misses that the host computes instead, likewise [m], and the mean time of one, measured; absent where every miss loads. */
  readonly computed?: { readonly perStep: Float32Array; readonly missMs: number };
  readonly measured: {
    readonly slots: CacheSlots;
    readonly missRate: number;
    readonly fromStep: number;
    readonly toStep: number;
    /** The run has had no other settings: only then must the point lie on the curve, whose caches never had another size. */
    readonly sinceStart: boolean;
    /** New tokens per second of the same steps: what the projection at this size must agree with. */
    readonly tokensPerSecond: number;
  };
  /** Mean distinct experts per layer and device that a step needs. */
  readonly workingSet: number;
  /** Mean step time without load stalls and without what the host computed, mean time of one load: both measured. */
  readonly baseStepMs: number;
  readonly loadMs: number;
  readonly newTokensPerStep: number;
  /** Most slots that fit in the device's budget. */
  readonly slotsThatFit: number;
  readonly recommended: { readonly slots: number; readonly reason: string };
}

/** Time of a step at another size, ms. Projected. @param at reads a column of the curve there */
export function projectedStepMs(
  curve: Pick<MissCurve, 'baseStepMs' | 'missesPerStep' | 'loadMs' | 'computed'>,
  at: (values: Float32Array) => number,
): number {
  const { baseStepMs, missesPerStep, loadMs, computed } = curve;
  const computeMs = computed === undefined ? 0 : at(computed.perStep) * computed.missMs;
  return baseStepMs + at(missesPerStep) * loadMs + computeMs;
}

/** Live replay of the recorded trace under the recorded settings against what the caches counted (law 4). */
export interface Audit {
  readonly steps: number;
  readonly measured: {
    readonly hits: number;
    readonly misses: number;
    readonly loads: number;
    readonly evictions: number;
  };
  readonly replayed: {
    readonly hits: number;
    readonly misses: number;
    readonly loads: number;
    readonly evictions: number;
  };
}

export interface TelemetryFrame {
  readonly seq: number;
  readonly runId: string;
  readonly steps: StepColumns;
  readonly totals: RunTotals;
  readonly text: readonly TextDelta[];
  readonly profile?: StepProfile;
  readonly curve?: MissCurve;
  readonly audit?: Audit;
  /** Since the run began: frames merged because the window had not taken the last ones, steps left out of frames for it. */
  readonly droppedFrames: number;
  readonly droppedSteps: number;
}
