import type { AttentionSpec } from '../families/attention_spec.ts';
import { groupedAttention } from './attention.ts';
import { latentAttention } from './latent_attention.ts';
import type { GraphParts } from './parts.ts';

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
