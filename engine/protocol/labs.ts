import { z } from 'zod';
import {
  type CacheScope,
  Capacity,
  type EvictionName,
  type GatingName,
  PlacementName,
  PrefetchName,
  TutelFactor,
} from './settings.ts';
import type { STEP_PHASES } from './telemetry.ts';

/**
 * What the labs ask and get. A lab is a pure question about a routing trace (or, for gating, an experiment with the open model);
 * the command line prints the very same objects as JSON, so a figure in the window can be checked against `npm run moe`.
 * L MoE layers (encoder first), E experts, D devices, m sizes. Plain numbers: these are answers to a question, not telemetry.
 */

/** The run in progress or just ended, a recorded run file, or a routing trace of another engine. */
export const LabSource = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('live') }),
  z.object({ kind: z.literal('run'), path: z.string().min(1).max(4096) }),
  z.object({ kind: z.literal('trace'), path: z.string().min(1).max(4096) }),
]);
export type LabSource = z.infer<typeof LabSource>;

/** What was looked at. */
export interface LabSubject {
  readonly source: LabSource['kind'];
  readonly name: string;
  readonly model: string;
  readonly steps: number;
  readonly tokens: number;
  readonly moeLayers: readonly { readonly stack: 'encoder' | 'decoder'; readonly block: number }[];
  readonly experts: number;
  readonly topK: number;
  readonly devices: number;
  /** Recorded from a model, or drawn by a generator: then no verdict about a model follows from it. */
  readonly routing: 'recorded' | 'synthetic';
}

/**
 * Replay policies: what can run; Belady's MIN, which needs the future; and, only where asked for by name, the LRU of cache studies,
 * to compare with their figures (engine/replay/lru_served.ts).
 */
export type ReplayPolicy = EvictionName | 'min' | 'lru-served';

/** Which accesses are counted. `decode-second-half` is the protocol of facts sheets: caches warm up on the first half. */
export const Scored = z.enum(['all', 'decode-second-half']);
export type Scored = z.infer<typeof Scored>;

export const CacheLabParams = z.object({
  source: LabSource,
  /** Slots per MoE layer and device; absent: about 16 sizes from 1 to all. */
  slots: z.array(z.int().min(1).max(65_535)).min(1).max(1024).optional(),
  scored: Scored.default('all'),
  /** What loads experts ahead; absent: what did at the end of the run, where what it needs is recorded. */
  prefetch: PrefetchName.optional(),
});
export type CacheLabParams = z.infer<typeof CacheLabParams>;

export interface CacheRow {
  readonly policy: ReplayPolicy;
  readonly title: string;
  /** By size [m]. */
  readonly misses: readonly number[];
  readonly missRate: readonly number[];
  /** Mean over scored steps of the slowest device's loads: its misses, and what it loaded ahead of need [m]. */
  readonly missesPerStep: readonly number[];
  /** What this policy loses at each size, in words [m]: "the size is the limit: even MIN misses 31%". */
  readonly verdict: readonly string[];
}

/**
 * Miss rate against size for every policy. All replayed.
 * Losses at size i: cold = coldMisses, capacity = MIN misses[i] - coldMisses, policy = misses[i] - MIN misses[i]. Loads ahead can save
 * what MIN misses: then fewer are missed than cold and capacity say.
 */
export interface CacheTable {
  readonly subject: LabSubject;
  readonly how: 'replayed';
  /** Whose the slots are: each layer's, or as many in all, shared by the layers of a device. */
  readonly scope: CacheScope;
  /** What loaded experts ahead in all rows but MIN's, at every size; absent: nothing. */
  readonly prefetch?: PrefetchName;
  readonly scored: { readonly rule: Scored; readonly steps: number; readonly accesses: number };
  readonly slots: readonly number[];
  readonly rows: readonly CacheRow[];
  /** First uses among the scored accesses: what a cache of any size misses. */
  readonly coldMisses: number;
  /** Mean distinct experts per layer and device that a step needs. */
  readonly workingSet: number;
  /**
   * Misses by layer and size under the policy in force (LRU for a trace) [L][m], and the split of slots they suggest: with slots per
   * layer, whatever the scope.
   */
  readonly byLayer: {
    readonly policy: EvictionName;
    readonly misses: readonly (readonly number[])[];
    /** Same total as `slots[i]` in every layer, dealt by marginal gain [m][L], and the miss rate it gives [m]. */
    readonly allocation: readonly (readonly number[])[];
    readonly allocatedMissRate: readonly number[];
  };
  /** Cost of a size; absent where the source does not know it. Step time is projected: baseStepMs + missesPerStep * loadMs. */
  readonly cost?: {
    readonly fixedBytes: number;
    readonly bytesPerSlot: number;
    readonly baseStepMs: number;
    readonly loadMs: number;
    readonly newTokensPerStep: number;
  };
  /** The setting in force, to be marked on the curve. */
  readonly inForce?: { readonly policy: EvictionName; readonly slots: number; readonly measuredMissRate: number };
  /** Trace too short, routing synthetic, ...: whole sentences. */
  readonly warnings: readonly string[];
}

export const ExpertsParams = z.object({ source: LabSource });

/** The caches that a map's events come from: a run's own, as recorded; for a trace, which has none, LRU with half of the experts. */
export interface LabCaches {
  readonly recorded: boolean;
  /** In force at the end, per layer and device. */
  readonly policy: EvictionName;
  readonly slots: number;
}

/** Layer x expert map of a whole run. Tokens counted from the trace, cache events replayed under the recorded settings. */
export interface ExpertsMap {
  readonly subject: LabSubject;
  readonly caches: LabCaches;
  /** [L][E] */
  readonly tokens: readonly (readonly number[])[];
  readonly hits: readonly (readonly number[])[];
  readonly misses: readonly (readonly number[])[];
  /** Resident at the end: device, or -1 for host memory [L][E]. */
  readonly residentOn: readonly (readonly number[])[];
  /** Share of the layer's tokens at its busiest eighth of experts [L]; an even layer has 0.125. */
  readonly concentration: readonly number[];
  /** Overlap of the busiest eighth between the first and the second half of the run, 0..1 [L]. */
  readonly stability: readonly number[];
}

export const ExpertLifeParams = z.object({
  source: LabSource,
  layer: z.int().min(0),
  /** Absent: only the batch map of the layer. */
  expert: z.int().min(0).optional(),
});

/** One layer step by step (the paper's activation figure), and one expert's life in it. */
export interface ExpertLife {
  readonly subject: LabSubject;
  readonly caches: LabCaches;
  readonly layer: number;
  /** Shown steps, evenly thinned when there are many [n]. */
  readonly steps: readonly number[];
  /** Share of the step's token-expert pairs at each expert; a row adds up to 1 where the layer had tokens [n][E]. */
  readonly share: readonly (readonly number[])[];
  readonly expert?: {
    readonly id: number;
    /** What happened, by step: tokens it got, and what its cache did. */
    readonly events: readonly {
      readonly step: number;
      /** `compute`: absent, and run on the host. */
      readonly kind: 'hit' | 'load' | 'compute' | 'evict';
      readonly tokens: number;
    }[];
    readonly activeSteps: number;
    readonly loads: number;
  };
}

export const GatingLabParams = z.object({
  /** Capacity fraction C for `static`, capacity factor f for `tutel`. */
  capacity: Capacity.default(1),
  tutelFactor: TutelFactor.default(0),
  /** Sequences per step for the main comparison. */
  batch: z.int().min(1).max(256).default(8),
  /** Batches of the throughput curve. */
  batches: z.array(z.int().min(1).max(256)).max(12).default([1, 4, 16]),
  /** Capacities of the quality curve; empty: none. */
  capacities: z.array(Capacity).max(16).default([0.02, 0.05, 0.1, 0.25, 0.5, 1]),
});
export type GatingLabParams = z.infer<typeof GatingLabParams>;

export type Phase = (typeof STEP_PHASES)[number];

/** Counted, per MoE layer of a stack and step, mean. */
export interface StackCounts {
  readonly slots: number;
  readonly realRows: number;
  readonly paddingRows: number;
  readonly droppedPairs: number;
  /** slots / (k S) */
  readonly wasteFactor: number;
}

/** One policy over the same tokens. Slots, rows, drops and bytes are counted, times and peaks measured, all of executed steps. */
export interface GatingRow extends StackCounts {
  readonly policy: GatingName;
  readonly title: string;
  /** The two stacks of an encoder-decoder apart: one reads whole sentences, the other a token of each (paper, Table 1). */
  readonly stacks?: { readonly encoder: StackCounts; readonly decoder: StackCounts };
  /** All-to-all payload that the plan moves between devices when every expert is remote, bytes. */
  readonly exchangedBytes: number;
  readonly stepMs: number;
  readonly phaseMs: Readonly<Record<Phase, number>>;
  readonly tokensPerSecond: number;
  /** Highest of the ledger within a step, and its gating/reorder and execution parts at that moment. */
  readonly peakBytes: number;
  readonly activationBytes: number;
}

export interface GatingTable {
  readonly model: string;
  readonly how: 'measured';
  readonly capacity: number;
  readonly tutelFactor: number;
  readonly tokensPerStep: number;
  readonly rows: readonly GatingRow[];
  /** null: it does not fit the device's budget. */
  readonly throughput: readonly {
    readonly policy: GatingName;
    readonly batch: number;
    readonly tokensPerSecond: number | null;
  }[];
  /** Perplexity on the held-out sample under static gating. */
  readonly quality: readonly {
    readonly capacity: number;
    readonly perplexity: number;
    readonly droppedShare: number;
  }[];
  readonly warnings: readonly string[];
}

export const PlacementLabParams = z.object({
  source: LabSource,
  devices: z.int().min(2).max(16).default(4),
  /** Replicated experts per layer for methods with replicas; absent: E/8, rounded down to a multiple of the devices. */
  redundant: z.int().min(0).max(65_535).optional(),
  /** Tokens joined into one batch, decode steps only. Absent: the source's own steps, or 8 where it has one token per step. */
  batchTokens: z.int().min(1).max(4096).optional(),
  /** Cache slots per layer and device for the miss rate; absent: half of what a device holds. */
  slots: z.int().min(1).max(65_535).optional(),
  /** EPLB: groups of experts that stay whole within a node. Hierarchical where the nodes divide the groups, else global. */
  groups: z.int().min(1).max(65_535).default(1),
  nodes: z.int().min(1).max(16).default(1),
});
export type PlacementLabParams = z.infer<typeof PlacementLabParams>;

export interface PlacementRow {
  readonly method: PlacementName;
  readonly title: string;
  /** What it goes by, in one sentence. */
  readonly says: string;
  /** Slots beyond one per expert, per layer, that the method may fill. */
  readonly redundant: number;
  /** Shares of a batch's pairs on the scored half; 1/D is even. */
  readonly maxLoad: number;
  readonly avgMaxLoad: number;
  /** The same two on the history half, which the method has seen. */
  readonly historyMaxLoad: number;
  readonly historyAvgMaxLoad: number;
  /** Expert copies held per device, mean over layers [D]. */
  readonly expertsPerDevice: readonly number[];
  /** With `slots` per layer and device and LRU, scored half [D]. */
  readonly missRate: readonly number[];
  /** Projected, see replay/placement_speed.ts; absent where nothing measured says how long a step takes. */
  readonly tokensPerSecond?: number;
  /** Largest device share of each scored batch, mean over layers [batches]. */
  readonly largestShare: readonly number[];
}

export interface PlacementTable {
  readonly subject: LabSubject;
  readonly how: 'replayed';
  readonly devices: number;
  readonly slots: number;
  readonly batchTokens: number;
  readonly history: { readonly batches: number };
  readonly scored: { readonly batches: number };
  readonly rows: readonly PlacementRow[];
  /** Mean and covariance terms that anti-correlation weighs, for its two scalings: shown because the paper's literal one is nearly all correlation. */
  readonly scaling: { readonly meanLoad: number; readonly literal: number; readonly perExpert: number };
  /** How tokens/s were projected, or why they were not, in one sentence. */
  readonly speedSays: string;
  readonly warnings: readonly string[];
}

/** `eplb`: phy2log, log2phy, logcnt. `sglang`: for --init-expert-location. `vllm-ascend`: for expert_map_path. All JSON. */
export const PlacementFormat = z.enum(['eplb', 'sglang', 'vllm-ascend']);
export type PlacementFormat = z.infer<typeof PlacementFormat>;

/** A placement made from the whole source, for another engine to load. */
export const PlacementExportParams = PlacementLabParams.extend({ method: PlacementName, format: PlacementFormat });
export type PlacementExportParams = z.infer<typeof PlacementExportParams>;

export interface PlacementExport {
  readonly fileName: string;
  readonly content: string;
}
