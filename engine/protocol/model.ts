/** What hosts and the window may know of a model, a device and a machine. Plain data, no paths but the folder's own. */

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
  /** Bytes on a device, by component, at the device's precision (fp32 on CPU). */
  readonly deviceBytes: {
    readonly embedding: number;
    readonly attention: number;
    readonly otherDense: number;
    /** Mean over layers: an encoder's experts may be wider than a decoder's. */
    readonly perExpert: number;
    /** One token, all layers. */
    readonly kvPerToken: number;
  };
  /** Sample prompt files found in `samples/`, without `.txt`. */
  readonly samples: readonly string[];
}

export interface DeviceInfo {
  readonly id: string;
  readonly provider: 'cpu';
  readonly name: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly defaultBudgetBytes: number;
}

export interface MachineInfo {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly node: string;
  readonly onnxruntime: string;
}
