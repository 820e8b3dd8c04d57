import type { GatingSettings, Precision, Sampling } from '../protocol/settings.ts';
import type { CacheSettings } from '../replay/device_caches.ts';
import type { ExchangeMemory, OutboxMemory } from './exchange.ts';

/** Between the coordinator and a rank's worker thread. */

export interface RankSetup {
  readonly modelPath: string;
  readonly rank: number;
  readonly ranks: number;
  readonly device: string;
  readonly budgetBytes: number;
  /** Absent: as stored. */
  readonly precision?: Precision;
  /** See coordinator/dense_threads.ts; 1 when absent. */
  readonly denseThreads?: number;
  /** The experts' pack, where they are held at few bits; absent: rounded at every load, for passes that load each once. */
  readonly packFolder?: string;
  /** Absent with one rank: nothing is exchanged, nothing is copied. */
  readonly exchange: ExchangeMemory | undefined;
}

/** What a rank's thread is started with. */
export interface WorkerSetup extends RankSetup {
  /** See loading.ts: progress of the dense part, and the way to give it up. */
  readonly loading: SharedArrayBuffer;
}

/** What a rank is to do from the next step on. */
export interface RankSettings extends CacheSettings {
  readonly gating: GatingSettings;
  /** With several devices, where the gating before needed other ones. */
  readonly outboxes?: OutboxMemory;
}

/** One sequence's share of a step on this rank. */
export interface RowPlan {
  /** Row of the rank's KV cache. */
  readonly row: number;
  readonly sequence: number;
  /** Tokens already cached. */
  readonly position: number;
  readonly tokens: Int32Array;
  /** Length of the whole that `tokens` are a piece of: rotary positions may go by it. Where absent the sequence ends with `tokens`. */
  readonly wholeTokens?: number;
  /** Sample a next token after the last of `tokens`. */
  readonly emit: boolean;
  /** Encoder-decoder: the sequence's source, encoded whole in this step before `tokens` are decoded. */
  readonly source?: Int32Array;
  /** 0 for padding, by token of the source and of `tokens`; all are tokens when absent. Only whole batches of a reference have any. */
  readonly sourceMask?: Uint8Array;
  readonly mask?: Uint8Array;
}

export interface StepPlan {
  readonly step: number;
  readonly rows: readonly RowPlan[];
  /** Some rank encodes sources in this step: all take part in the encoder's layers. */
  readonly encoding?: boolean;
  /** Which tokens compete where the router has a capacity of its own, see gating/capacity.ts; absent: sequences. */
  readonly routedAs?: 'sequences' | 'one-call';
  readonly sampling: Sampling;
  /** Return the logits of every token (the `logits` command), not only samples. */
  readonly allLogits: boolean;
  /** Record the ledger's changes within this step. */
  readonly profile: boolean;
}

export interface StepResult {
  readonly step: number;
  /** Tokens of this rank: those of sources in the order of the plan's rows, then those of the rows themselves. */
  readonly tokens: number;
  /** Chosen experts and weights [layers, tokens, topK]; NO_EXPERT for a dropped choice and in the layers of the other stack. */
  readonly ids: Uint16Array;
  readonly weights: Float32Array;
  /** 1 where a token waited for an expert to load [tokens]. */
  readonly waited: Uint8Array;
  /** Sampled token per row, -1 where none was asked for [rows]. */
  readonly sampled: Int32Array;
  /** Hits, misses, loads, evictions of this step, a resize before it included [layers, 4]. */
  readonly cache: Uint32Array;
  /** Of the loads, those ahead of need: loads, used, harmed [layers, 3]; absent where there were none. */
  readonly prefetches?: Uint32Array;
  /** What the next layers' routers foresaw of all ranks' tokens [layers, experts]; from rank 0 only, where they were asked. */
  readonly foreseen?: Uint8Array;
  readonly ledgerBytes: Float64Array;
  readonly peakBytes: number;
  /** Rows that this device's experts ran, padding included. */
  readonly rows: number;
  /** Time that absent experts took on the host, their rows' way there and back included. */
  readonly computeMs: number;
  /** Held on the host for them, beside the device's ledger, at the end of the step. */
  readonly hostBytes: number;
  /** Pairs of this rank's tokens that were dropped, all layers together. */
  readonly droppedPairs: number;
  /** Of both, what fell to the encoder's layers; zeros without an encoder. */
  readonly encoder: { readonly rows: number; readonly droppedPairs: number };
  readonly durationMs: number;
  readonly phaseMs: Float32Array;
  /** Of its loads: what passed while the device ran what was queued before, and what the step waited for them (load_overlap.ts). */
  readonly hiddenMs: number;
  readonly stallMs: number;
  /** Of durationMs, inside ONNX Runtime. */
  readonly runtimeMs: number;
  readonly logits?: Float32Array;
  readonly profile?: { readonly atMs: Float32Array; readonly bytes: Float64Array };
}

export type ToRank =
  | { readonly kind: 'settings'; readonly settings: RankSettings }
  | { readonly kind: 'step'; readonly plan: StepPlan }
  | { readonly kind: 'close' };

export type FromRank =
  | { readonly kind: 'opened' }
  | { readonly kind: 'applied'; readonly evicted: number }
  | { readonly kind: 'stepped'; readonly result: StepResult }
  | { readonly kind: 'closed'; readonly ledgerBytes: Float64Array }
  | {
      readonly kind: 'failed';
      readonly message: string;
      readonly refusal: boolean;
      readonly aborted: boolean;
      /** Why the device was lost, where that was the failure. */
      readonly lost?: string;
    };
