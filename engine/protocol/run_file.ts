import { z } from 'zod';
import { type DeviceInfo, type MachineInfo, type ModelSummary, PROVIDERS } from './model.ts';
import { EvictionName, RunSettings } from './settings.ts';
import type { Audit, RunTotals } from './telemetry.ts';

/**
 * A run's file: one JSON document when the run is over, and readable line by line while it grows or where it was cut.
 *
 *   {"format":"moe-studio-run","version":1,"exporter":"...","header":{...},"records":[
 *   {"t":"settings",...}
 *   ,{"t":"step",...}
 *   ],"summary":{...},"complete":true}
 *
 * A comma leads its line instead of ending the one before, so a whole line is never altered by what follows it.
 * Columns are base64 of little-endian arrays (base64.ts). L MoE layers, E experts, k of them per token, D devices, N tokens.
 */

export const RUN_FORMAT = 'moe-studio-run';
/** Raised when a reader of the old version would misread a new file; additions that it may ignore do not count. */
export const RUN_VERSION = 4;

const count = z.int().min(0);
const bytes = z.number().min(0);
const base64 = z.string();

const LowBit = z.object({ attention: bytes, otherDense: bytes, perExpert: bytes });

const Model = z.object({
  name: z.string(),
  family: z.string(),
  fingerprint: z.string(),
  layers: count,
  encoderLayers: count.optional(),
  targetLanguages: z.array(z.string()).readonly().optional(),
  moeLayers: z.array(z.object({ stack: z.enum(['encoder', 'decoder']), block: count })),
  experts: count,
  topK: count,
  hiddenSize: count,
  vocabSize: count,
  contextTokens: count,
  parameters: count,
  dtype: z.string(),
  storedBytes: bytes,
  deviceBytes: z.object({
    embedding: bytes,
    attention: bytes,
    otherDense: bytes,
    perExpert: bytes,
    kvPerToken: bytes,
  }),
  sampling: z
    .object({
      temperature: z.number().optional(),
      topK: z.number().optional(),
      topP: z.number().optional(),
      repetitionPenalty: z.number().optional(),
    })
    .optional(),
  chat: z.boolean().optional(),
  lowBitBytes: z.object({ fp16: LowBit.optional(), int8: LowBit, int4: LowBit }).optional(),
  samples: z.array(z.string()),
}) satisfies z.ZodType<Omit<ModelSummary, 'path'>>;

const Machine = z.object({
  cpu: z.string(),
  cores: count,
  memoryBytes: bytes,
  platform: z.string(),
  node: z.string(),
  onnxruntime: z.string(),
}) satisfies z.ZodType<MachineInfo>;

const Device = z.object({
  id: z.string(),
  provider: z.enum(PROVIDERS),
  name: z.string(),
  /** Absent in files of studios that had processors only. */
  software: z.boolean().default(false),
  budgetBytes: bytes,
}) satisfies z.ZodType<Pick<DeviceInfo, 'id' | 'provider' | 'name' | 'software'> & { budgetBytes: number }>;

export const RunHeader = z.object({
  id: z.string(),
  /** ISO 8601. */
  createdAt: z.string(),
  model: Model,
  settings: RunSettings,
  machine: Machine,
  devices: z.array(Device).min(1).max(255),
  moeLayers: z.int().min(1).max(4096),
  experts: z.int().min(1).max(65_535),
  topK: z.int().min(1).max(65_535),
});
export type RunHeader = z.infer<typeof RunHeader>;

const SettingsRecord = z.object({
  t: z.literal('settings'),
  /** First step under these settings. */
  atStep: count,
  atMs: z.number(),
  label: z.string(),
  settings: RunSettings,
  slotsPerLayer: z.int().min(1),
  /** The policy in force, where the setting is `auto`. */
  eviction: EvictionName.optional(),
  /** In force, by device: rows of an absent expert that the host may compute before it is copied; absent: none anywhere. */
  copyAfterRows: z.array(count).max(255).readonly().optional(),
  /**
   * Where experts moved: device of each copy, by layer and expert, base64 of u8. The first record has it always. Where experts
   * have several copies: how many, base64 of u8 [L, E], and how rows are divided over them.
   */
  placement: z
    .object({
      devices: z.int().min(1),
      deviceOf: base64,
      copies: base64.optional(),
      split: z.enum(['equal', 'levelled']).default('equal'),
    })
    .optional(),
  /**
   * Ids of the devices that the run had lost by then. The record of a loss is the first that names it: the ranks were opened anew, so
   * caches begin empty at `atStep`, and that step is the first to run the sequences again from their tokens.
   */
  lost: z.array(z.string()).max(255).readonly().optional(),
});

const SequenceRecord = z.object({
  t: z.literal('sequence'),
  sequence: count,
  row: count,
  prompt: z.string(),
  /** i32 */
  tokens: base64,
});

/** Sequence, token id, whether it waited for an expert to load, its text where it completed a character. */
const Emitted = z.tuple([count, count, z.union([z.literal(0), z.literal(1)]), z.string().optional()]);

const StepRecord = z.object({
  t: z.literal('step'),
  n: count,
  endMs: z.number(),
  durationMs: z.number(),
  stallMs: z.number(),
  /** Load time that passed while the device ran experts; absent where none did. */
  hiddenMs: z.number().optional(),
  /** Absent experts on the host: their time, the slowest rank's, and what was held there for them, bytes; absent where there were none. */
  computeMs: z.number().optional(),
  hostBytes: bytes.optional(),
  tokens: z.object({
    count: z
      .int()
      .min(0)
      .max(2 ** 24),
    /** i32 [N] */
    request: base64,
    position: base64,
    /** u8 [N]: 0 prefill, 1 decode */
    phase: base64,
  }),
  /** u16 [L, N, k] */
  ids: base64,
  /** f32 [L, N, k] */
  weights: base64,
  /** u32 [D, L, 4]: hits, misses, loads, evictions */
  cache: base64,
  /** u32 [D, L, 3], of the loads those ahead of need: loads, used, harmed; absent where there were none */
  prefetches: base64.optional(),
  /** u8 [L, E], what the next layers' routers foresaw (buffering/foresight.ts); absent where they were not asked */
  foreseen: base64.optional(),
  /** f64 [D, ledger categories] at the end of the step, bytes */
  ledger: base64,
  /** f64 [D] highest total within the step, bytes */
  peak: base64,
  /** f32 [D] share of the rows that experts ran */
  share: base64,
  /** f32 [phases] of the slowest rank */
  phaseMs: base64,
  /** Pairs that gating dropped and rows without a token; older studios did not count them, and had none. */
  dropped: count.default(0),
  padding: count.default(0),
  emitted: z.array(Emitted),
});

const EndRecord = z.object({ t: z.literal('end'), reason: z.string() });

export const RunRecord = z.discriminatedUnion('t', [SettingsRecord, SequenceRecord, StepRecord, EndRecord]);
export type RunRecord = z.infer<typeof RunRecord>;
export type SettingsRecord = z.infer<typeof SettingsRecord>;
export type SequenceRecord = z.infer<typeof SequenceRecord>;
export type StepRecord = z.infer<typeof StepRecord>;
export type EmittedToken = z.infer<typeof Emitted>;

const counters = z.object({ hits: count, misses: count, loads: count, evictions: count });

export const RunSummary = z.object({
  totals: z.object({
    steps: count,
    elapsedMs: z.number(),
    promptTokens: count,
    newTokens: count,
    hits: count,
    misses: count,
    loads: count,
    evictions: count,
    prefetches: count.optional(),
    prefetchesUsed: count.optional(),
    prefetchesHarmed: count.optional(),
    computedMisses: count.optional(),
    computeMs: z.number().optional(),
    stallMs: z.number(),
    hiddenMs: z.number().optional(),
    sequencesDone: count,
    sequencesTotal: count,
    tokensPerSecond: z.number(),
  }) satisfies z.ZodType<RunTotals>,
  audit: (z.object({ steps: count, measured: counters, replayed: counters }) satisfies z.ZodType<Audit>).optional(),
});
export type RunSummary = z.infer<typeof RunSummary>;
