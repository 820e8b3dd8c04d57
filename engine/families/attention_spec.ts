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
  /** Rotary positions, half-split pairs (x_i, x_{i+D/2}). */
  | ({ readonly kind: 'rope'; readonly longer?: LongerRope } & RopeFrequencies)
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
