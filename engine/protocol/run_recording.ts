import type { EmittedToken, RunHeader, RunSummary } from './run_file.ts';
import type { EvictionName, RunSettings } from './settings.ts';

/** Counters of a device's layer in one step, in this order. */
export const CACHE_COUNTERS = ['hits', 'misses', 'loads', 'evictions'] as const;
/** Of a layer's loads those ahead of need: how many, used by the event they were for, and misses of what they pushed out. */
export const PREFETCH_COUNTERS = ['loads', 'used', 'harmed'] as const;

export interface RecordedSettings {
  readonly atStep: number;
  readonly atMs: number;
  readonly label: string;
  readonly settings: RunSettings;
  readonly slotsPerLayer: number;
  /** In force: what `auto` chose, or the setting. */
  readonly eviction: EvictionName;
  /** In force, by device [D]: rows of an absent expert that the host may compute before it is copied. */
  readonly copyAfterRows: readonly number[];
  /** Devices lost by then, see run_file.ts; none in most runs. */
  readonly lost: readonly string[];
  /** In force from here on, changed or not: copies of each expert [L, E], and device of each copy [sum of copies]. */
  readonly placement: {
    readonly devices: number;
    readonly split: 'equal' | 'levelled';
    readonly copies: Uint8Array;
    readonly deviceOf: Uint8Array;
  };
}

export interface RecordedSequence {
  readonly sequence: number;
  readonly row: number;
  readonly prompt: string;
  readonly tokens: Int32Array;
  /** First step that could have run it. */
  readonly fromStep: number;
}

/** One whole step. N tokens, L MoE layers, k experts a token, D devices. */
export interface RecordedStep {
  readonly step: number;
  /** ms since the run began, pauses included. */
  readonly endMs: number;
  readonly durationMs: number;
  readonly stallMs: number;
  /** Load time that passed while the device ran experts, the rank's that hid most; 0 on CPU devices. */
  readonly hiddenMs: number;
  /** Time that absent experts took on the host, the slowest rank's; and what is held on the host for them, all ranks', bytes. */
  readonly computeMs: number;
  readonly hostBytes: number;
  /** N */
  readonly tokens: number;
  /** Sequence, position and phase of each token [N]: rank 0's tokens first. */
  readonly request: Int32Array;
  readonly position: Int32Array;
  readonly phase: Uint8Array;
  /** [L, N, k] */
  readonly ids: Uint16Array;
  readonly weights: Float32Array;
  /** [D, L, CACHE_COUNTERS] */
  readonly cache: Uint32Array;
  /** Of the loads, those ahead of need [D, L, PREFETCH_COUNTERS]; absent where there were none. */
  readonly prefetches?: Uint32Array;
  /** What the next layers' routers foresaw [L, E], see TraceStep.foreseen; absent where they were not asked. */
  readonly foreseen?: Uint8Array;
  /** [D, LEDGER_CATEGORIES] */
  readonly ledgerBytes: Float64Array;
  /** [D] */
  readonly peakBytes: Float64Array;
  /** Share of the rows that experts ran, padding included, by device [D]. */
  readonly share: Float32Array;
  /** [STEP_PHASES] */
  readonly phaseMs: Float32Array;
  /** Token-expert pairs that gating left out, and rows without a token that experts ran, all layers together. */
  readonly droppedPairs: number;
  readonly paddingRows: number;
  readonly emitted: readonly EmittedToken[];
}

export interface RunRecording {
  readonly exporter: string;
  readonly header: RunHeader;
  /** In order; the first is in force from step 0. */
  readonly settings: readonly RecordedSettings[];
  readonly sequences: readonly RecordedSequence[];
  /** Without gaps, from step 0. */
  readonly steps: readonly RecordedStep[];
  /** Why the run ended, where that was recorded. */
  readonly endReason?: string;
  readonly summary?: RunSummary;
  /** Whether the file ends as a finished run's does. */
  readonly complete: boolean;
  /** What is missing, in one sentence, where it does not. */
  readonly truncation?: string;
}
