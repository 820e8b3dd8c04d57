import type { RouterRule } from '../gating/router.ts';

/**
 * What a model is, independent of how its checkpoint spells it: one family file turns config.json and tensor names into this,
 * and everything after it (graph, rank, ledger) reads only this.
 *
 * The shape follows facts about every architecture in sight: two stacks (encoder, decoder), dense layers between MoE layers,
 * cross-attention, shared experts beside routed ones, fused expert tensors (row ranges), biases, embedding and residual
 * multipliers. Where architectures differ in kind rather than in numbers there is a tagged union to extend:
 * `AttentionSpec`, `PositionSpec`, `FeedForwardSpec`, `ExpertSpec`, and `RouterRule` in gating/.
 */

/** Rows [firstRow, firstRow + rows) of a tensor's leading dimension when it is fused; the whole tensor otherwise. */
export interface WeightRef {
  readonly tensor: string;
  readonly firstRow?: number;
  readonly rows?: number;
}

/** y = x W^T (+ b); weight [outFeatures, inFeatures]. */
export interface LinearSpec {
  readonly weight: WeightRef;
  readonly bias?: WeightRef;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/** y = x / sqrt(mean(x^2) + eps) * gain. */
export interface NormSpec {
  readonly kind: 'rms';
  readonly gain: WeightRef;
  readonly epsilon: number;
}

/** Rotary positions, half-split pairs (x_i, x_{i+D/2}); angle = position * inverseFrequency[i]. */
export interface PositionSpec {
  readonly kind: 'rope';
  readonly inverseFrequency: Float64Array;
  /** Multiplies cos and sin (YaRN); 1 for plain rope. */
  readonly attentionFactor: number;
}

/** Multi-head attention with grouped keys: query head h reads key head floor(h / (heads / kvHeads)). */
export interface AttentionSpec {
  readonly kind: 'grouped';
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly query: LinearSpec;
  readonly key: LinearSpec;
  readonly value: LinearSpec;
  readonly output: LinearSpec;
  /** RMSNorm on projected queries and keys, over each head or over the whole projected vector. */
  readonly queryKeyNorm?: {
    readonly over: 'head' | 'all';
    readonly query: WeightRef;
    readonly key: WeightRef;
    readonly epsilon: number;
  };
  /** Projected q, k and v are clamped to [-clip, clip] after the norm. */
  readonly clip?: number;
  readonly scale: number;
  readonly positions: PositionSpec;
  /** Keys seen by a query, itself included; undefined for all before it. */
  readonly windowTokens?: number;
}

/** down( silu(gate x) * up x ), no biases. */
export interface ExpertSpec {
  readonly kind: 'swiglu';
  readonly gate: WeightRef;
  readonly up: WeightRef;
  readonly down: WeightRef;
}

export type FeedForwardSpec =
  | { readonly kind: 'dense'; readonly expert: ExpertSpec; readonly width: number }
  | {
      readonly kind: 'moe';
      readonly router: LinearSpec;
      readonly rule: RouterRule;
      readonly experts: number;
      /** Intermediate size of one expert. */
      readonly width: number;
      expert(id: number): ExpertSpec;
      /** Runs on every token, added to the routed sum. */
      readonly shared?: { readonly expert: ExpertSpec; readonly width: number };
    };

/** h = x + r * Attention(norm x); y = h + r * FeedForward(norm h). */
export interface LayerSpec {
  readonly block: number;
  readonly attentionNorm: NormSpec;
  readonly attention: AttentionSpec;
  /** Decoder layers of an encoder-decoder: between self-attention and feed-forward, with its own norm. */
  readonly crossAttention?: { readonly norm: NormSpec; readonly attention: AttentionSpec };
  readonly feedForwardNorm: NormSpec;
  readonly feedForward: FeedForwardSpec;
  /** r above. */
  readonly residualMultiplier: number;
}

export interface StackSpec {
  readonly kind: 'encoder' | 'decoder';
  readonly layers: readonly LayerSpec[];
  readonly finalNorm: NormSpec;
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
