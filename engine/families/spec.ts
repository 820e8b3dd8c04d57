import type { RouterRule } from '../gating/router.ts';
import type { AttentionSpec, GroupedAttentionSpec } from './attention_spec.ts';

/**
 * What a model is, independent of how its checkpoint spells it: one family file turns config.json and tensor names into this,
 * and everything after it (graph, rank, ledger) reads only this.
 *
 * The shape follows facts about every architecture in sight: two stacks (encoder, decoder), dense layers between MoE layers,
 * cross-attention, shared experts beside routed ones, fused expert tensors (row ranges), biases, embedding and residual
 * multipliers. Where architectures differ in kind rather than in numbers there is a tagged union to extend:
 * `NormSpec`, `AttentionSpec`, `PositionSpec`, `FeedForwardSpec`, `ExpertSpec`, and `RouterRule` in gating/.
 */

/** Rows [firstRow, firstRow + rows) of a tensor's leading dimension when it is fused; the whole tensor otherwise. */
export interface WeightRef {
  readonly tensor: string;
  readonly firstRow?: number;
  readonly rows?: number;
  /** Stored [in, out] where everything here is [out, in]; firstRow and rows count stored rows. */
  readonly transposed?: boolean;
}

/** y = x W^T (+ b); weight [outFeatures, inFeatures]. */
export interface LinearSpec {
  readonly weight: WeightRef;
  readonly bias?: WeightRef;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

export type NormSpec =
  /** y = x / sqrt(mean(x^2) + eps) * gain. */
  | { readonly kind: 'rms'; readonly gain: WeightRef; readonly epsilon: number }
  /** y = (x - mean) / sqrt(variance + eps) * gain + bias, population variance. */
  | { readonly kind: 'layer'; readonly gain: WeightRef; readonly bias: WeightRef; readonly epsilon: number };

export type ActivationName = 'relu' | 'gelu' | 'gelu-tanh' | 'silu';

export type ExpertSpec =
  /** down( silu(gate x) * up x ), no biases. */
  | { readonly kind: 'swiglu'; readonly gate: WeightRef; readonly up: WeightRef; readonly down: WeightRef }
  /** second( activation(first x + b1) ) + b2; biases both or none. */
  | {
      readonly kind: 'mlp';
      readonly first: WeightRef;
      readonly second: WeightRef;
      readonly firstBias?: WeightRef;
      readonly secondBias?: WeightRef;
      readonly activation: ActivationName;
    }
  /**
   * GPT-OSS: down( (up + 1) * gate * sigmoid(alpha gate) ) + b, gate at most `limit` and up within [-limit, limit], both halves of
   * gateUp x + b, whose rows alternate: gate, up, gate, ...
   */
  | {
      readonly kind: 'clamped-swiglu';
      readonly gateUp: WeightRef;
      readonly gateUpBias: WeightRef;
      readonly down: WeightRef;
      readonly downBias: WeightRef;
      readonly limit: number;
      readonly alpha: number;
    };

export type FeedForwardSpec =
  | { readonly kind: 'dense'; readonly expert: ExpertSpec; readonly width: number }
  | {
      readonly kind: 'moe';
      readonly router: LinearSpec;
      readonly rule: RouterRule;
      /** [experts], added to scores for choosing and not for weighing. */
      readonly choiceBias?: WeightRef;
      readonly experts: number;
      /** Intermediate size of one expert. */
      readonly width: number;
      expert(id: number): ExpertSpec;
      /** Runs on every token, added to the routed sum; times sigmoid(x gate^T), one number a token, where there is a gate [1, hidden]. */
      readonly shared?: { readonly expert: ExpertSpec; readonly width: number; readonly gate?: LinearSpec };
    };

/** h = x + r * Attention(norm x); h += r * CrossAttention(norm h) where there is one; y = h + r * FeedForward(norm h). */
export interface LayerSpec {
  readonly block: number;
  readonly attentionNorm: NormSpec;
  readonly attention: AttentionSpec;
  /** Decoder layers of an encoder-decoder: between self-attention and feed-forward, with its own norm. */
  readonly crossAttention?: { readonly norm: NormSpec; readonly attention: GroupedAttentionSpec };
  readonly feedForwardNorm: NormSpec;
  readonly feedForward: FeedForwardSpec;
  /** r above. */
  readonly residualMultiplier: number;
}

/**
 * Position vectors added to embeddings: PE[p] = sin(p w_0..w_{h-1}), then cos of the same, h = floor(d / 2),
 * w_i = 10000^(-i / (h - 1)); an odd last column is 0. The n-th token that is not padding has p = n + padToken (n from 1),
 * padding has PE = 0.
 */
export interface SinusoidSpec {
  readonly kind: 'sinusoid';
  readonly padToken: number;
}

export interface StackSpec {
  readonly kind: 'encoder' | 'decoder';
  readonly layers: readonly LayerSpec[];
  readonly finalNorm: NormSpec;
  readonly embeddingPositions?: SinusoidSpec;
}

export interface ModelSpec {
  readonly family: string;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly contextTokens: number;
  /** [vocabSize, hiddenSize]; rows are multiplied by `embeddingMultiplier`. */
  readonly embedding: WeightRef;
  readonly embeddingMultiplier: number;
  /** One stack for a language model; encoder then decoder for translation. */
  readonly stacks: readonly StackSpec[];
  /** logits = (x W^T + b) * multiplier, after the last stack's final norm. */
  readonly head: LinearSpec & { readonly multiplier: number };
  /** Encoder-decoder only: the token that every decoder sequence begins with. */
  readonly decoderStartToken?: number;
  /** Tensors that the checkpoint may hold and the model does not need (duplicates of tied weights). */
  readonly ignoredTensors: readonly string[];
}

export interface MoeLayer {
  /** Position among the MoE layers: the index of every per-layer array. */
  readonly index: number;
  readonly stack: 'encoder' | 'decoder';
  readonly block: number;
  readonly feedForward: Extract<FeedForwardSpec, { kind: 'moe' }>;
}

/** MoE layers in order, encoder first. */
export function moeLayers(spec: ModelSpec): MoeLayer[] {
  const layers: MoeLayer[] = [];
  for (const stack of spec.stacks) {
    for (const layer of stack.layers) {
      if (layer.feedForward.kind !== 'moe') continue;
      layers.push({ index: layers.length, stack: stack.kind, block: layer.block, feedForward: layer.feedForward });
    }
  }
  return layers;
}

/** Experts of each MoE layer and choices of each token; none and 1 in a dense model, which only the reproduction runs. */
export function routingShape(spec: ModelSpec): { readonly experts: number; readonly topK: number } {
  const feedForward = moeLayers(spec)[0]?.feedForward;
  return feedForward === undefined
    ? { experts: 0, topK: 1 }
    : { experts: feedForward.experts, topK: feedForward.rule.topK };
}

/** The stack that text comes out of: the only one of a language model, the second of an encoder-decoder. */
export function decoderOf(spec: ModelSpec): StackSpec {
  return spec.stacks[spec.stacks.length - 1] as StackSpec;
}

/** The stack that reads the source; a language model has none. */
export function encoderOf(spec: ModelSpec): StackSpec | undefined {
  return spec.stacks.find((stack) => stack.kind === 'encoder');
}

/** Cross-attention of every decoder layer; none in a language model. */
export function crossAttentions(spec: ModelSpec): readonly GroupedAttentionSpec[] {
  return decoderOf(spec).layers.flatMap((layer) => layer.crossAttention?.attention ?? []);
}

/** Tokens beyond which a sequence's positions are others, so that keys cached before are of no use; undefined where there is no such length. */
export function switchTokens({ layers }: StackSpec): number | undefined {
  const positions = layers[0]?.attention.positions;
  return positions?.kind === 'rope' ? positions.longer?.tokens : undefined;
}

/** Tensors of an expert (or dense feed-forward) in the order in which its graph takes them. */
export function expertWeights(expert: ExpertSpec): readonly WeightRef[] {
  if (expert.kind === 'swiglu') return [expert.gate, expert.up, expert.down];
  if (expert.kind === 'clamped-swiglu') return [expert.gateUp, expert.gateUpBias, expert.down, expert.downBias];
  const { first, firstBias, second, secondBias } = expert;
  return firstBias === undefined || secondBias === undefined ? [first, second] : [first, firstBias, second, secondBias];
}
