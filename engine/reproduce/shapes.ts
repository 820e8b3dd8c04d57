/**
 * The paper's models (Table I of its first version) and what is left of them here: same experts, top-k, capacity, interval of MoE
 * layers and number of layers, so that gating, waste, caches and balance meet the same numbers; widths and vocabulary divided so
 * that a laptop holds them. Weights are seeded random, routing follows a real trace's skew (popularity.ts).
 */
export interface PaperShape {
  readonly id: 'lm' | 'lm-small' | 'mt';
  readonly title: string;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  readonly experts: number;
  readonly topK: number;
  /** Every how manieth layer is a mixture of experts. */
  readonly interval: number;
  /** C: a static expert takes C * S tokens. */
  readonly capacity: number;
  readonly hidden: number;
  readonly width: number;
  readonly vocab: number;
  /** Ours, in place of the paper's three above: what 6144 experts leave of a laptop's memory. */
  readonly scaledHidden: number;
  readonly scaledWidth: number;
  readonly scaledVocab: number;
  readonly heads: number;
  /** Where the paper's own row was not found, what was assumed. */
  readonly assumed?: string;
}

export const LM: PaperShape = {
  id: 'lm',
  title: 'LM',
  encoderLayers: 0,
  decoderLayers: 24,
  experts: 512,
  topK: 2,
  interval: 2,
  capacity: 0.05,
  hidden: 1024,
  width: 4096,
  vocab: 51_200,
  scaledHidden: 96,
  scaledWidth: 384,
  scaledVocab: 4096,
  heads: 4,
};

export const LM_SMALL: PaperShape = {
  ...LM,
  id: 'lm-small',
  title: 'LM-Small',
  decoderLayers: 12,
  experts: 128,
  assumed: "LM-Small has no public row: half of LM's layers and a quarter of its experts are assumed.",
};

export const MT: PaperShape = {
  id: 'mt',
  title: 'MT',
  encoderLayers: 24,
  decoderLayers: 24,
  experts: 128,
  topK: 2,
  interval: 4,
  capacity: 1,
  hidden: 2048,
  width: 8192,
  vocab: 256_206,
  scaledHidden: 64,
  scaledWidth: 256,
  scaledVocab: 4096,
  heads: 4,
};

export const SHAPES: readonly PaperShape[] = [LM, LM_SMALL, MT];

export interface ScaledSizes {
  readonly hidden: number;
  readonly width: number;
  readonly vocab: number;
  readonly moeLayers: number;
}

export function scaled(shape: PaperShape): ScaledSizes {
  const moe = (layers: number) => Math.floor(layers / shape.interval);
  return {
    hidden: shape.scaledHidden,
    width: shape.scaledWidth,
    vocab: shape.scaledVocab,
    moeLayers: moe(shape.encoderLayers) + moe(shape.decoderLayers),
  };
}
