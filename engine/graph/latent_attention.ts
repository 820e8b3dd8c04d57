import type { LatentAttentionSpec } from '../families/attention_spec.ts';
import { attendCached } from './attend_cached.ts';
import { headsFirst, tokensFirst } from './attention.ts';
import { type GraphParts, linear, rms } from './parts.ts';
import { rotary } from './rotary.ts';

/**
 * Multi-head latent attention over cached latents, up-projections absorbed: a query is taken through Uk of its head once
 * (q_n Uk c = (Uk^T q_n) c), scores are against [c, k_r] itself, weights are applied to latents, and their sum goes through Uv. Keys
 * and values of heads are never made, so the cache is one vector a token (see cacheShape) and a decode step reads nothing else.
 * Rejected: expanding cached latents into keys and values, which in every step makes what absorption leaves out; and caching them
 * expanded, 9 to 71 times the memory. The price is a long prompt's scores: latentDim + ropeDim products a pair of tokens for keys and
 * again for values, where heads of their own have contentDim + ropeDim and valueDim. Attention of DeepSeek-V2-Lite's shape on one
 * thread, beside one with as many floats of expanded keys: half the time for a token after 4,096, 1.4 times for a prompt of 512.
 * The up-projections stay float32 at any precision: a product for each head is none of MatMulNBits.
 * Values are weighed at the full width of a key and cut to latentDim after: an eighth more work than reading them out of the cache
 * first, which would copy all of it.
 *
 * Uk and Uv are float32 at every precision: the low-bit product takes one matrix, not one a head.
 *
 * inputs: bias [B, 1, S, T]; past_key [B, 1, P, latentDim + ropeDim]; those of attend_cached.ts and of rotary.ts
 * outputs: new_key [B, 1, S, latentDim + ropeDim]
 * @param input normed hidden states [B, S, hidden]
 * @returns the output projection's result [B, S, hidden]
 */
export function latentAttention(parts: GraphParts, attention: LatentAttentionSpec, input: string): string {
  const { builder, blob } = parts;
  const { heads, contentDim, ropeDim, valueDim, latentDim, queryDown, latentNorm, keyValueUp } = attention;
  const keyWidth = latentDim + ropeDim;
  builder.input('bias', 'float32', ['B', 1, 'S', 'T']);
  builder.input('past_key', 'float32', ['B', 1, 'P', keyWidth]);
  builder.output('new_key', 'float32', ['B', 1, 'S', keyWidth]);
  const rope = rotary(builder, attention.positions);
  const split = (name: string, widths: readonly number[], outputs: readonly string[]) =>
    builder.nodeOutputs('Split', [name, builder.int64s(widths)], outputs, { axis: -1 }) as [string, string];

  let narrow = input;
  if (queryDown !== undefined) {
    const gain = blob.weight('query_down_gain', [queryDown.linear.outFeatures], [queryDown.norm.gain]);
    narrow = rms(builder, linear(parts, 'query_down', queryDown.linear, input), gain, queryDown.norm.epsilon);
  }
  const projected = linear(parts, 'query', attention.query, narrow);
  const queries = headsFirst(builder, projected, heads, contentDim + ropeDim);
  const [content, queryRope] = split(queries, [contentDim, ropeDim], ['query_content', 'query_rope']);

  const compressed = linear(parts, 'key_value_down', attention.keyValueDown, input);
  const [latent, keyRope] = split(compressed, [latentDim, ropeDim], ['latent', 'key_rope']);
  const gain = blob.weight('latent_gain', [latentDim], [latentNorm.gain]);
  const oneHead = (name: string, width: number) => builder.node('Reshape', [name, builder.int64s([0, 1, -1, width])]);
  const key = [oneHead(rms(builder, latent, gain, latentNorm.epsilon), latentDim), rope(oneHead(keyRope, ropeDim))];
  builder.node('Concat', key, { axis: -1 }, 'new_key');

  const perHead = contentDim + valueDim;
  const rowsOf = (from: number, rows: number) =>
    Array.from({ length: heads }, (_, head) => ({ ...keyValueUp, firstRow: head * perHead + from, rows }));
  const keyUp = blob.weight('key_up', [heads, contentDim, latentDim], rowsOf(0, contentDim));
  const valueUp = blob.weight('value_up', [heads, valueDim, latentDim], rowsOf(contentDim, valueDim));
  const absorbed = builder.node('MatMul', [content, keyUp]);
  const context = attendCached(builder, attention, {
    query: builder.node('Concat', [absorbed, rope(queryRope)], { axis: -1 }),
    newKey: 'new_key',
    newValue: 'new_key',
    pastValue: 'past_key',
  });
  const latents = builder.node('Slice', [context, ...[0, latentDim, -1].map((value) => builder.int64s([value]))]);
  const values = builder.node('FusedMatMul', [latents, valueUp], { transB: 1, alpha: { float: 1 } });
  return linear(parts, 'output', attention.output, tokensFirst(builder, values, heads, valueDim));
}
