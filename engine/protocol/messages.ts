import { z } from 'zod';
import type { ModelFit } from './fit.ts';
import {
  CacheLabParams,
  type CacheTable,
  type ExpertLife,
  ExpertLifeParams,
  type ExpertsMap,
  ExpertsParams,
  GatingLabParams,
  type GatingTable,
  type PlacementExport,
  PlacementExportParams,
  PlacementLabParams,
  type PlacementTable,
} from './labs.ts';
import type { AbsentProvider, DeviceInfo, MachineInfo, ModelSummary } from './model.ts';
import type { PackInfo, Packs } from './packs.ts';
import { PrecisionLabParams, type PrecisionTable } from './precision.ts';
import { LivePatch, RunSettings } from './settings.ts';
import type { Audit, TelemetryFrame } from './telemetry.ts';

/** Raised when a message changes its meaning; both ends refuse another number in `hello`. */
export const PROTOCOL_VERSION = 1;

export type RunState =
  | 'empty'
  | 'opening'
  | 'ready'
  | 'starting'
  | 'running'
  | 'paused'
  | 'stopping'
  | 'finished'
  | 'failed';

export interface RunInfo {
  readonly id: string;
  readonly settings: RunSettings;
  /** The run file, being appended to. */
  readonly path: string;
  readonly startedAt: string;
  /** Slots in force on each device when `cacheSlots` is resolved. */
  readonly slotsPerLayer: number;
  /** In force, by device: rows of an absent expert that the host may compute before it is copied. */
  readonly copyAfterRows: readonly number[];
  /** Experts each device owns per layer, at most. */
  readonly expertsPerDevice: number;
  readonly budgetBytes: readonly number[];
  /** Devices that the run had and goes on without, in the order in which they were lost. */
  readonly lost: readonly string[];
  /** What the ledger of each device was expected to come to at its highest under these settings, by category. Estimated. */
  readonly expectedBytes: readonly number[];
}

/** A change of settings, shown as a labelled line on every time chart. */
export interface SettingsMark {
  readonly step: number;
  readonly atMs: number;
  readonly label: string;
  readonly settings: RunSettings;
}

export interface EngineSnapshot {
  readonly state: RunState;
  readonly model?: ModelSummary;
  readonly run?: RunInfo;
  readonly marks: readonly SettingsMark[];
  /** Why the last operation failed, in one sentence. */
  readonly error?: string;
}

export interface Progress {
  readonly task: string;
  /** 0..1, or undefined where the length is not known. */
  readonly fraction?: number;
  readonly text: string;
}

export interface RunFileSummary {
  readonly id: string;
  readonly path: string;
  readonly model: string;
  readonly startedAt: string;
  readonly steps: number;
  /** False where the run was cut off; it then holds every whole step before the cut. */
  readonly complete: boolean;
  readonly audit: Audit;
}

/** Models that come with the studio; the first is opened at the start. */
export const BUNDLED_MODELS = ['demo-lm', 'demo-mt'] as const;
export type BundledModel = (typeof BUNDLED_MODELS)[number];

/** Requests: parameters are parsed with these schemas on arrival, results are typed below. */
export const REQUESTS = {
  hello: z.object({ protocol: z.int() }),
  devices: z.object({}),
  /** What a model would need under these settings and what fits, from headers alone; the model that is open stays. */
  inspectModel: z.object({ path: z.string().min(1).max(4096), settings: RunSettings }),
  openModel: z.object({ path: z.string().min(1).max(4096) }),
  openBundledModel: z.object({ name: z.enum(BUNDLED_MODELS).optional() }),
  /** Starts a run; a run in progress is stopped first. */
  start: RunSettings,
  pause: z.object({}),
  resume: z.object({}),
  /** One step, then paused. */
  step: z.object({}),
  stop: z.object({}),
  /** Applied together at the next step boundary; resolves when in force. */
  change: LivePatch,
  report: z.object({ format: z.enum(['html', 'json']) }),
  runFile: z.object({ path: z.string().min(1).max(4096) }),
  runs: z.object({}),
  /** Labs: answered beside a run, not in turn with the requests above. */
  cacheLab: CacheLabParams,
  expertsMap: ExpertsParams,
  expertLife: ExpertLifeParams,
  placementLab: PlacementLabParams,
  placementExport: PlacementExportParams,
  /** Runs the open model under every gating policy; refused while a run is in progress. */
  gatingLab: GatingLabParams,
  /** Runs the open model at several precisions; refused while a run is in progress. */
  precisionLab: PrecisionLabParams,
  /** Cancels every lab in progress; each is refused with that reason. */
  cancelLab: z.object({}),
  /** Expert packs on disk. */
  packs: z.object({}),
  /** Removes them, but for those that a run reads. */
  emptyPacks: z.object({}),
} as const;

export interface Results {
  hello: {
    readonly protocol: number;
    readonly version: string;
    readonly machine: MachineInfo;
    readonly snapshot: EngineSnapshot;
    readonly writer: boolean;
  };
  devices: { readonly devices: readonly DeviceInfo[]; readonly absent: readonly AbsentProvider[] };
  inspectModel: ModelFit;
  openModel: ModelSummary;
  openBundledModel: ModelSummary;
  start: RunInfo;
  pause: Record<string, never>;
  resume: Record<string, never>;
  step: Record<string, never>;
  stop: Record<string, never>;
  change: { readonly atStep: number };
  report: { readonly fileName: string; readonly content: string };
  runFile: RunFileSummary;
  /** Recorded runs, newest first, and the traces that come with the studio. */
  runs: {
    readonly runs: readonly Omit<RunFileSummary, 'audit'>[];
    readonly traces: readonly { readonly name: string; readonly path: string }[];
  };
  cacheLab: CacheTable;
  expertsMap: ExpertsMap;
  expertLife: ExpertLife;
  placementLab: PlacementTable;
  placementExport: PlacementExport;
  gatingLab: GatingTable;
  precisionLab: PrecisionTable;
  cancelLab: { readonly cancelled: number };
  packs: Packs;
  emptyPacks: Packs & { readonly removed: readonly PackInfo[]; readonly kept: readonly PackInfo[] };
}

export type Method = keyof typeof REQUESTS;
export type Params<M extends Method> = z.infer<(typeof REQUESTS)[M]>;

export type EngineEvent =
  | { readonly event: 'snapshot'; readonly snapshot: EngineSnapshot }
  | { readonly event: 'progress'; readonly progress: Progress }
  | { readonly event: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly line: string };

/** What travels on a port, either way. */
export type ToEngine =
  | { readonly kind: 'request'; readonly id: number; readonly method: Method; readonly params: unknown }
  /** The window took frame `seq`: flow control, see entry/bind.ts. */
  | { readonly kind: 'ack'; readonly seq: number };

export type FromEngine =
  | { readonly kind: 'reply'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly message: string }
  | { readonly kind: 'event'; readonly event: EngineEvent }
  | { readonly kind: 'frame'; readonly frame: TelemetryFrame };
