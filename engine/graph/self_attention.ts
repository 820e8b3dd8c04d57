import type { AttentionSpec } from '../families/attention_spec.ts';
import { groupedAttention } from './attention.ts';
import { latentAttention } from './latent_attention.ts';
import { type GraphParts, linearFloats } from './parts.ts';

/**
 * Self-attention of a layer; inputs and outputs are those of its kind.
 * @param input normed hidden states [B, S, hidden]
 * @param cached whether earlier keys are fed
 * @returns the output projection's result [B, S, hidden]
 */
export function selfAttention(parts: GraphParts, attention: AttentionSpec, input: string, cached: boolean): string {
  if (attention.kind === 'grouped') return groupedAttention(parts, attention, input, cached);
  if (!cached) throw new Error('an encoder with latent attention is not known here');
  return latentAttention(parts, attention, input);
}

/** Floats of its weights. */
export function selfAttentionFloats(attention: AttentionSpec): number {
  if (attention.kind === 'latent') {
    const { heads, contentDim, valueDim, latentDim, queryDown, query, keyValueDown, output } = attention;
    const narrowed = queryDown === undefined ? 0 : linearFloats(queryDown.linear) + queryDown.linear.outFeatures;
    const up = heads * (contentDim + valueDim) * latentDim;
    return narrowed + linearFloats(query) + linearFloats(keyValueDown) + latentDim + up + linearFloats(output);
  }
  const { query, key, value, output, queryKeyNorm, heads, kvHeads, headDim, sinks } = attention;
  const gains = { head: 2 * headDim, all: (heads + kvHeads) * headDim };
  const linears = [query, key, value, output].reduce((sum, part) => sum + linearFloats(part), 0);
  return linears + (queryKeyNorm === undefined ? 0 : gains[queryKeyNorm.over]) + (sinks === undefined ? 0 : heads);
}
