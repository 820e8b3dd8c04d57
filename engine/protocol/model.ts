import type { Precision, PrecisionName } from './settings.ts';

/** What hosts and the window may know of a model, a device and a machine. Plain data, no paths but the folder's own. */

/** How the model's makers want tokens chosen (generation_config.json); what it leaves out is for the studio to say. */
export interface ModelSampling {
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly repetitionPenalty?: number;
}

export interface ModelSummary {
  /** Folder name. */
  readonly name: string;
  readonly path: string;
  /** `olmoe`, ... (config.json's model_type). */
  readonly family: string;
  /** First 16 hex digits of SHA-256 over config.json and the tensor headers. */
  readonly fingerprint: string;
  readonly layers: number;
  /** How many of them are an encoder's; absent for a language model, which has none. */
  readonly encoderLayers?: number;
  /** Languages that an encoder-decoder translates into, as its tokenizer names them; empty where it knows none. */
  readonly targetLanguages?: readonly string[];
  /** MoE layers in order: encoder first, then decoder, each by block index. */
  readonly moeLayers: readonly { readonly stack: 'encoder' | 'decoder'; readonly block: number }[];
  readonly experts: number;
  readonly topK: number;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly contextTokens: number;
  readonly parameters: number;
  /** Stored dtype of the experts (`BF16`, `F32`, ...). */
  readonly dtype: string;
  readonly storedBytes: number;
  /** Bytes on a device, by component, as float32. */
  readonly deviceBytes: {
    readonly embedding: number;
    readonly attention: number;
    readonly otherDense: number;
    /** Mean over layers: an encoder's experts may be wider than a decoder's. */
    readonly perExpert: number;
    /** One token, all layers. */
    readonly kvPerToken: number;
  };
  readonly sampling?: ModelSampling;
  /** The folder has a chat template, so that prompts can be put to the model as messages. */
  readonly chat?: boolean;
  /** What fewer bits make smaller; absent in run files of studios that had none. */
  readonly lowBitBytes?: {
    /** Absent in run files of studios that had none. */
    readonly fp16?: LowBitDeviceBytes | undefined;
    readonly int8: LowBitDeviceBytes;
    readonly int4: LowBitDeviceBytes;
  };
  /** Sample prompt files found in `samples/`, without `.txt`. */
  readonly samples: readonly string[];
}

export type LowBitDeviceBytes = Pick<ModelSummary['deviceBytes'], 'attention' | 'otherDense' | 'perExpert'>;

/** Bytes on a CPU device, by component, at a precision. */
export function bytesHeld(
  { deviceBytes, lowBitBytes }: Pick<ModelSummary, 'deviceBytes' | 'lowBitBytes'>,
  { experts, dense }: Precision,
): ModelSummary['deviceBytes'] {
  const at = (name: PrecisionName) =>
    name === 'stored' || name === 'fp32' ? deviceBytes : (lowBitBytes?.[name] ?? deviceBytes);
  const { attention, otherDense } = at(dense);
  return { ...deviceBytes, attention, otherDense, perExpert: at(experts).perExpert };
}

/** Why a figure is not there: "not available on this system: " stands before it. */
export interface NotTold {
  readonly notTold: string;
}

/** A figure of the system, or why the system does not tell it. Never a guess in its place. */
export type Told<T extends number | string | DeviceLink> = T | NotTold;

export function isTold<T extends number | string | DeviceLink>(told: Told<T>): told is T {
  return typeof told !== 'object' || !('notTold' in told);
}

/** What lies between the memory of this machine and a device. */
export interface DeviceLink {
  /** `PCIe 4.0 x16`, `unified memory`, `host memory`, ... */
  readonly name: string;
  /** One way, of the link's own standard: no transfer is faster. Absent where there is none of that kind. */
  readonly peakBytesPerSecond?: number;
}

export const PROVIDERS = ['cpu', 'webgpu', 'cuda'] as const;
export type Provider = (typeof PROVIDERS)[number];

/** What the system says of a device now, all programs together: of its card, or of the processor and its memory. */
export interface DeviceReading {
  readonly usedBytes: Told<number>;
  /** 0..1 */
  readonly utilisation: Told<number>;
  readonly celsius: Told<number>;
  readonly watts: Told<number>;
}

/** What experts can be placed on. One graphics card can be two devices: one of each provider that reaches it. */
export interface DeviceInfo {
  /** Provider and number: `cpu:0`, `webgpu:0`. */
  readonly id: string;
  readonly provider: Provider;
  readonly name: string;
  /** A processor that plays a graphics card (SwiftShader, llvmpipe, WARP): for tests, and never chosen by default. */
  readonly software: boolean;
  readonly totalBytes: Told<number>;
  /** What other programs hold is not free. */
  readonly freeBytes: Told<number>;
  /** Bytes the engine holds there at most unless told otherwise. */
  readonly defaultBudgetBytes: Told<number>;
  readonly driver: Told<string>;
  readonly link: Told<DeviceLink>;
  /** How fast experts come over it, measured once on this machine; absent until a run has used the device. */
  readonly loadBytesPerSecond?: number;
  /** Whether a WebGPU card can hold weights as fp16; asked when its link is measured. */
  readonly float16?: boolean;
  readonly reading: DeviceReading;
  /** Why a run cannot have it, in one sentence. */
  readonly refusal?: string;
}

/** A provider that no device of this machine can be had with, and why. */
export interface AbsentProvider {
  readonly provider: Provider;
  readonly reason: string;
}

export interface MachineInfo {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly node: string;
  readonly onnxruntime: string;
}
