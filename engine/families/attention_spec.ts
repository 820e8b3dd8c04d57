import type { LinearSpec, WeightRef } from './spec.ts';

/** angle = position * inverseFrequency[i], i = 0..D/2-1. */
export interface RopeFrequencies {
  readonly inverseFrequency: Float64Array;
  /** Multiplies cos and sin (YaRN, LongRoPE); 1 for plain rope. */
  readonly attentionFactor: number;
}

/** Other frequencies for sequences longer than `tokens`: keys that were rotated before a sequence grew so long are of no use to it. */
export interface LongerRope {
  readonly tokens: number;
  /** @param sequenceTokens length of the sequence, cached tokens included */
  frequencies(sequenceTokens: number): RopeFrequencies;
}

/** How an attention block knows where tokens stand. */
export type PositionSpec =
  /** Rotary positions of vectors of D = 2 * inverseFrequency.length. */
  | ({
      readonly kind: 'rope';
      /** Pairs are (x_2i, x_2i+1) instead of half-split (x_i, x_i+D/2). */
      readonly interleaved: boolean;
      readonly longer?: LongerRope;
    } & RopeFrequencies)
  /** Adds table[bucket(key - query), head] to scores: one table [buckets, heads] for all layers of a stack. */
  | {
      readonly kind: 'relative-buckets';
      readonly table: WeightRef;
      readonly buckets: number;
      readonly maxDistance: number;
      /** Keys after the query have buckets of their own; otherwise they share bucket 0. */
      readonly bidirectional: boolean;
    }
  /** Positions are in the embedding, or nowhere (cross-attention). */
  | { readonly kind: 'none' };

/** Multi-head attention with grouped keys: query head h reads key head floor(h / (heads / kvHeads)). */
export interface GroupedAttentionSpec {
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
  /** [heads]: one more score for each head, of a key that has no value: it only takes weight away from the others. */
  readonly sinks?: WeightRef;
}

/**
 * Multi-head latent attention (DeepSeek): a token's keys and values are one latent vector, out of which each head makes its own.
 *   c = norm(latent x) [latentDim], k_r = rope(rope part of the same projection) [ropeDim], one for all heads
 *   q_h = [q_n (contentDim), rope(q_r) (ropeDim)], k_h = [Uk_h c, k_r], v_h = Uv_h c [valueDim]
 */
export interface LatentAttentionSpec {
  readonly kind: 'latent';
  readonly heads: number;
  readonly contentDim: number;
  readonly ropeDim: number;
  readonly valueDim: number;
  readonly latentDim: number;
  /** Queries by way of a narrower vector, normed. */
  readonly queryDown?: { readonly linear: LinearSpec; readonly norm: LatentNorm };
  /** [heads * (contentDim + ropeDim), hidden or the narrower width]; rows of a head: content, then rope. */
  readonly query: LinearSpec;
  /** [latentDim + ropeDim, hidden]. */
  readonly keyValueDown: LinearSpec;
  readonly latentNorm: LatentNorm;
  /** [heads * (contentDim + valueDim), latentDim]; rows of head h: Uk_h, then Uv_h. */
  readonly keyValueUp: WeightRef;
  readonly output: LinearSpec;
  readonly scale: number;
  readonly positions: Extract<PositionSpec, { kind: 'rope' }>;
}

/** RMSNorm of a vector that is not as wide as the hidden states. */
export interface LatentNorm {
  readonly gain: WeightRef;
  readonly epsilon: number;
}

export type AttentionSpec = GroupedAttentionSpec | LatentAttentionSpec;

/** Floats that attention keeps of a token: kvHeads keys of keyWidth, and as many values of valueWidth. */
export interface CacheShape {
  readonly kvHeads: number;
  readonly keyWidth: number;
  /** 0 where values are part of the keys. */
  readonly valueWidth: number;
}

/**
 * Of latent attention the latents are kept, one key head [c, k_r] whose first latentDim floats are the value too, instead of each
 * head's keys and values: latentDim + ropeDim floats a token and layer where those are heads * (contentDim + ropeDim + valueDim);
 * 576 against 5,120 in DeepSeek-V2-Lite and 40,960 in V3. A decode step reads that much less memory; a long prompt pays with wider
 * scores (see graph/latent_attention.ts).
 */
export function cacheShape(attention: AttentionSpec): CacheShape {
  if (attention.kind === 'latent')
    return { kvHeads: 1, keyWidth: attention.latentDim + attention.ropeDim, valueWidth: 0 };
  const { kvHeads, headDim } = attention;
  return { kvHeads, keyWidth: headDim, valueWidth: headDim };
}
