import { z } from 'zod';

/**
 * What a person can set. Everything here is parsed wherever it enters a process (CLI flags, IPC, WebSocket, run files):
 * nothing downstream checks ranges again, except what depends on the model (slots against experts, bytes against budget).
 */

/**
 * Eviction policies by the names used in files, flags and the window.
 * The paper (section on Expert Buffering) says: evict an expert not active in this batch, otherwise last in, first out.
 * It leaves open how the inactive candidates are ordered, so both readings have a name:
 * `lifo` takes the newest-in inactive expert first, `lifo-lru` the least recently used inactive one.
 */
export const EvictionName = z.enum([
  'lifo',
  'lifo-lru',
  'lru',
  'lfu',
  'lfru',
  'decayed',
  'fifo',
  'sieve',
  's3-fifo',
  'echo',
  'pinned',
]);
export type EvictionName = z.infer<typeof EvictionName>;

/** `auto` replays the run's newest steps under every policy and puts the best in force. */
export const EvictionChoice = z.enum([...EvictionName.options, 'auto']);
export type EvictionChoice = z.infer<typeof EvictionChoice>;

/**
 * Loading experts ahead of need (buffering/foresight.ts): `echo` by the routing of the layers before, `router` by this layer's hidden
 * states through the next MoE layer's router.
 */
export const PrefetchName = z.enum(['off', 'echo', 'router']);
export type PrefetchName = z.infer<typeof PrefetchName>;

/**
 * Placements by the names used in files, flags and the window. The paper adds 0.5 times Pearson's correlation to a device's load
 * where mean loads are about 1/E, so that its formula is nearly all correlation: `anti-correlation` is that, literally, and
 * `anti-correlation-scaled` has 0.5/E in its place. `covariance` is ours. `eplb` is
 * DeepSeek's with one copy of each expert; `replicated` and `levelled` have more of the busy ones, an eighth of the experts in all:
 * the first divides an expert's rows equally over its copies, the other gives each row to the least loaded of them.
 */
export const PlacementName = z.enum([
  'contiguous',
  'greedy',
  'anti-correlation',
  'anti-correlation-scaled',
  'covariance',
  'eplb',
  'replicated',
  'levelled',
]);
export type PlacementName = z.infer<typeof PlacementName>;

/**
 * Gating policies (paper, sections "Static Gating" and "Dynamic Gating", and the systems it compares with). MegaBlocks has two:
 * `megablocks` rounds every expert's rows up to a block of 128, `megablocks-grouped` is its mode without that padding.
 */
export const GatingName = z.enum(['dynamic', 'static', 'tutel', 'fastmoe', 'megablocks', 'megablocks-grouped']);
export type GatingName = z.infer<typeof GatingName>;

/** Capacity fraction C of static gating: an expert has room for C of a call's tokens. At 1 nothing can be dropped. */
export const Capacity = z.number().positive().max(1);
/** Capacity factor f of Tutel: above 0 of an even share, 0 the busiest expert's count, below 0 the smaller of the two. */
export const TutelFactor = z.number().min(-16).max(16);

/** Expert slots per MoE layer and device; `all` holds every expert that the device owns. */
export const CacheSlots = z.union([z.int().min(1).max(65_535), z.literal('all')]);
export type CacheSlots = z.infer<typeof CacheSlots>;

/** Whose the slots are: each layer's own, or, as many in all, one pool's that all layers of a device share. */
export const CacheScope = z.enum(['layer', 'device']);
export type CacheScope = z.infer<typeof CacheScope>;

/**
 * Rows of an absent expert that the host may compute before it is copied (buffering/copy_or_compute.ts); 0: it is copied at once.
 * `auto` is the price of a copy in rows, both measured on this machine, and 0 on a CPU device, where nothing is copied over a link.
 */
export const CopyAfterRows = z.union([z.int().min(0).max(1_000_000), z.literal('auto')]);
export type CopyAfterRows = z.infer<typeof CopyAfterRows>;

/** Tokens that may be sampled, the likeliest; 0 for all. */
export const TopK = z.int().min(0).max(1_000_000);
/** Of those, as many of the likeliest as have this share of their probability. */
export const TopP = z.number().positive().max(1);
/** Logits of tokens that the sequence has already are divided by it (multiplied below 0); 1 leaves them. */
export const RepetitionPenalty = z.number().positive().max(10);
export const Temperature = z.number().min(0).max(5);

/**
 * What weights are held as on a device. `stored` is the checkpoint's own type where the device computes in it; a CPU device does in
 * none but float32, so there it is `fp32`, converted at every load; `fp32` by name converts experts once, into a pack. `fp16` halves the
 * bytes and is widened to float32 in every product. `int8` and `int4` share a scale among 32 consecutive inputs of a row.
 */
export const PrecisionName = z.enum(['stored', 'fp32', 'fp16', 'int8', 'int4']);
export type PrecisionName = z.infer<typeof PrecisionName>;

/** Of the experts; and of every other matrix product (attention, dense and shared feed-forward, head) but the router's. */
export const Precision = z.object({ experts: PrecisionName, dense: PrecisionName });
export type Precision = z.infer<typeof Precision>;

export const STORED_PRECISION: Precision = { experts: 'stored', dense: 'stored' };

export const RebalanceEvery = z.int().min(0).max(1_000_000);

export const LiveSettings = z.object({
  cacheSlots: CacheSlots,
  cacheScope: CacheScope,
  eviction: EvictionChoice,
  /** Used by gating that asks for the experts that tokens chose; gating that pads every batch asks for all, and all are copied. */
  copyAfterRows: CopyAfterRows,
  prefetch: PrefetchName,
  placement: PlacementName,
  /** Steps between two placements from the run's newest steps; 0: placed once and left there. */
  rebalanceEvery: RebalanceEvery,
  /** Sequences in flight; more wait in the prompt queue. */
  batch: z.int().min(1).max(256),
  gating: GatingName,
  /** Used by `static` only. */
  capacity: Capacity,
  /** Used by `tutel` only. */
  tutelFactor: TutelFactor,
});
/** Settings that a running engine takes at the next step boundary, without reload. */
export type LiveSettings = z.infer<typeof LiveSettings>;

/** How tokens are gated: the policy and its knobs. */
export type GatingSettings = Pick<LiveSettings, 'gating' | 'capacity' | 'tutelFactor'>;

export const LivePatch = LiveSettings.partial();
export type LivePatch = z.infer<typeof LivePatch>;

export const DeviceChoice = z.object({
  /** `cpu:0`, `cpu:1`, ... as listed by the `devices` request. */
  id: z.string().regex(/^[a-z]+:\d+$/),
  /** Bytes the engine may hold on this device (every ledger category together). Absent: the device's default. */
  budgetBytes: z.number().int().positive().optional(),
});
export type DeviceChoice = z.infer<typeof DeviceChoice>;

export const PromptSource = z.discriminatedUnion('kind', [
  /** Sample files shipped with the model (`samples/NAME.txt`); `mixed` takes from all in turn. */
  z.object({ kind: z.literal('sample'), name: z.string().max(200) }),
  /** One prompt per entry. */
  z.object({ kind: z.literal('texts'), texts: z.array(z.string().max(1_000_000)).min(1).max(10_000) }),
]);
export type PromptSource = z.infer<typeof PromptSource>;

export const RunSettings = LiveSettings.extend({
  // Run files of studios that had dynamic gating only, placed once, kept slots by layer, copied every miss and held float32 say nothing of these.
  rebalanceEvery: RebalanceEvery.default(0),
  prefetch: PrefetchName.default('off'),
  cacheScope: CacheScope.default('layer'),
  copyAfterRows: CopyAfterRows.default(0),
  capacity: Capacity.default(1),
  tutelFactor: TutelFactor.default(0),
  precision: Precision.default(STORED_PRECISION),
  devices: z.array(DeviceChoice).min(1).max(16),
  prompts: PromptSource,
  /** Sequences to run in all; a shorter source is used again from its start. */
  promptCount: z.int().min(1).max(100_000),
  /** Prompts longer than this are cut; sample files are cut into pieces of this length. */
  promptTokens: z.int().min(1).max(131_072),
  newTokens: z.int().min(1).max(131_072),
  /** What a translation model translates into, by its tokenizer's name (`fra_Latn`); absent: the first that it knows. */
  targetLanguage: z.string().max(64).optional(),
  /** Each prompt is put to the model as a message, in its chat template. */
  chat: z.boolean().default(false),
  /** 0 is greedy; above it, sampled with `seed`. */
  temperature: Temperature,
  topK: TopK.default(50),
  topP: TopP.default(1),
  repetitionPenalty: RepetitionPenalty.default(1),
  seed: z.int().min(0).max(0xffff_ffff),
  /** Keep generating when a sequence emits its end token (steady load for benches). */
  ignoreEnd: z.boolean(),
});
export type RunSettings = z.infer<typeof RunSettings>;

/** How the next token is chosen. */
export type Sampling = Pick<RunSettings, 'temperature' | 'topK' | 'topP' | 'repetitionPenalty' | 'seed'>;

/** Always the likeliest token: for whoever compares logits or times steps. */
export const GREEDY: Sampling = { temperature: 0, topK: 0, topP: 1, repetitionPenalty: 1, seed: 0 };

export const DEFAULT_RUN: RunSettings = {
  cacheSlots: 'all',
  cacheScope: 'layer',
  eviction: 'lifo',
  copyAfterRows: 0,
  prefetch: 'off',
  placement: 'contiguous',
  rebalanceEvery: 0,
  batch: 8,
  gating: 'dynamic',
  capacity: 1,
  tutelFactor: 0,
  precision: STORED_PRECISION,
  devices: [{ id: 'cpu:0' }],
  prompts: { kind: 'sample', name: 'mixed' },
  promptCount: 512,
  promptTokens: 32,
  newTokens: 256,
  chat: false,
  temperature: 0.8,
  topK: 50,
  topP: 1,
  repetitionPenalty: 1,
  seed: 11,
  ignoreEnd: false,
};

/** What suits an encoder-decoder in place of these: its prompts are whole sentences, and its likeliest words its best. */
export const DEFAULT_TRANSLATION = { promptTokens: 128, newTokens: 64, temperature: 0 } as const;
