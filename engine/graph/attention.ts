import type { GroupedAttentionSpec } from '../families/attention_spec.ts';
import type { WeightRef } from '../families/spec.ts';
import { attendCached } from './attend_cached.ts';
import type { GraphBuilder } from './onnx.ts';
import { type GraphParts, linear, rms, stacked } from './parts.ts';
import { rotary } from './rotary.ts';

/**
 * Self-attention with grouped keys: query head h reads key head floor(h / (heads / kvHeads)). A decoder's keys and values are cached,
 * see attend_cached.ts for its inputs; an encoder's are those of the source at hand.
 *
 * inputs: bias [B, 1 or H, S, T]; when `cached` also those of attend_cached.ts, past_value [B, KH, P, D], and of rotary.ts
 * outputs: new_key/new_value [B, KH, S, D] when `cached`
 * @param input normed hidden states [B, S, hidden]
 * @returns the output projection's result [B, S, hidden]
 */
export function groupedAttention(
  parts: GraphParts,
  attention: GroupedAttentionSpec,
  input: string,
  cached: boolean,
): string {
  const { builder, blob } = parts;
  const { heads, kvHeads, headDim, positions, sinks } = attention;
  builder.input('bias', 'float32', ['B', positions.kind === 'relative-buckets' ? heads : 1, 'S', 'T']);
  const { query, key, value } = projectQkv(parts, attention, input, cached);
  if (!cached) {
    if (positions.kind === 'rope') throw new Error('an encoder with rotary positions is not known here');
    const context = attendOver(builder, attention, query, key, value, 'bias');
    return linear(parts, 'output', attention.output, context);
  }
  builder.input('past_key', 'float32', ['B', kvHeads, 'P', headDim]);
  builder.input('past_value', 'float32', ['B', kvHeads, 'P', headDim]);
  builder.output('new_key', 'float32', ['B', kvHeads, 'S', headDim]);
  builder.output('new_value', 'float32', ['B', kvHeads, 'S', headDim]);
  const rope = positions.kind === 'rope' ? rotary(builder, positions) : undefined;
  const context = attendCached(builder, attention, {
    query: rope?.(query) ?? query,
    newKey: rope?.(key, 'new_key') ?? key,
    newValue: value,
    pastValue: 'past_value',
    ...(sinks && { sinks: blob.weight('sinks', [1, heads, 1, 1], [sinks]) }),
  });
  return linear(parts, 'output', attention.output, tokensFirst(builder, context, heads, headDim));
}

/**
 * Cross-attention over keys and values that were computed when the source was encoded.
 * inputs: cross_key/cross_value [B, KH, T, D], cross_bias [B, 1, 1, T] (0, or a large negative beyond the source)
 * @param input normed hidden states [B, S, hidden]
 */
export function crossAttention(parts: GraphParts, attention: GroupedAttentionSpec, input: string): string {
  const { builder } = parts;
  const { heads, kvHeads, headDim } = attention;
  if (heads !== kvHeads) throw new Error('cross-attention with grouped keys is not known here');
  builder.input('cross_key', 'float32', ['B', kvHeads, 'C', headDim]);
  builder.input('cross_value', 'float32', ['B', kvHeads, 'C', headDim]);
  builder.input('cross_bias', 'float32', ['B', 1, 1, 'C']);
  const query = headsFirst(builder, linear(parts, 'cross_query', attention.query, input), heads, headDim);
  const context = attendOver(builder, attention, query, 'cross_key', 'cross_value', 'cross_bias');
  return linear(parts, 'cross_output', attention.output, context);
}

/** [B, S, heads * D] to [B, heads, S, D]. */
export function headsFirst(
  builder: GraphBuilder,
  input: string,
  heads: number,
  headDim: number,
  output?: string,
): string {
  const split = builder.node('Reshape', [input, builder.int64s([0, 0, heads, headDim])]);
  return builder.node('Transpose', [split], { perm: [0, 2, 1, 3] }, output);
}

/** One product for q, k and v over stacked rows; returns each as [B, heads, S, D], new_value under its output name. */
function projectQkv(
  parts: GraphParts,
  attention: GroupedAttentionSpec,
  input: string,
  cached: boolean,
): { query: string; key: string; value: string } {
  const { builder, blob, hidden } = parts;
  const { heads, kvHeads, headDim, queryKeyNorm, positions } = attention;
  const widths = [heads * headDim, kvHeads * headDim, kvHeads * headDim];
  const rows = (widths[0] as number) + 2 * kvHeads * headDim;
  const linears = [attention.query, attention.key, attention.value];
  const refs = linears.map((spec, index) => ({ ...spec.weight, rows: widths[index] as number }));
  const bias = linears.map((spec, index) => ({ ...(spec.bias as WeightRef), rows: widths[index] as number }));
  const biased = attention.query.bias !== undefined;
  const projected = stacked(parts, 'qkv', { rows, columns: hidden, refs, ...(biased && { bias }) }, input);
  let [query, key, value] = builder.nodeOutputs('Split', [projected, builder.int64s(widths)], ['q', 'k', 'v'], {
    axis: -1,
  }) as [string, string, string];
  const normed = (which: 'query' | 'key', name: string, width: number) =>
    queryKeyNorm === undefined
      ? name
      : rms(builder, name, blob.weight(`${which}_gain`, [width], [queryKeyNorm[which]]), queryKeyNorm.epsilon);
  if (queryKeyNorm?.over === 'all') {
    query = normed('query', query, heads * headDim);
    key = normed('key', key, kvHeads * headDim);
  }
  if (attention.clip !== undefined) {
    const low = builder.float(-attention.clip);
    const high = builder.float(attention.clip);
    const clip = (name: string) => builder.node('Clip', [name, low, high]);
    [query, key, value] = [clip(query), clip(key), clip(value)];
  }
  const byHead = (name: string, count: number) =>
    builder.node('Reshape', [name, builder.int64s([0, 0, count, headDim])]);
  let queryHeads = byHead(query, heads);
  let keyHeads = byHead(key, kvHeads);
  if (queryKeyNorm?.over === 'head') {
    queryHeads = normed('query', queryHeads, headDim);
    keyHeads = normed('key', keyHeads, headDim);
  }
  const transpose = (name: string, output?: string) =>
    builder.node('Transpose', [name], { perm: [0, 2, 1, 3] }, output);
  return {
    query: transpose(queryHeads),
    key: transpose(keyHeads, cached && positions.kind !== 'rope' ? 'new_key' : undefined),
    value: transpose(byHead(value, kvHeads), cached ? 'new_value' : undefined),
  };
}

/** softmax(scale q k^T + bias) v, ungrouped; returns [B, S, heads * D]. */
function attendOver(
  builder: GraphBuilder,
  { heads, headDim, scale }: GroupedAttentionSpec,
  query: string,
  key: string,
  value: string,
  bias: string,
): string {
  const scores = builder.node('FusedMatMul', [query, key], { transB: 1, alpha: { float: scale } });
  const weights = builder.node('Softmax', [builder.node('Add', [scores, bias])], { axis: -1 });
  return tokensFirst(builder, builder.node('MatMul', [weights, value]), heads, headDim);
}

/** [B, heads, S, D] to [B, S, heads * D]. */
export function tokensFirst(builder: GraphBuilder, context: string, heads: number, headDim: number): string {
  const moved = builder.node('Transpose', [context], { perm: [0, 2, 1, 3] });
  return builder.node('Reshape', [moved, builder.int64s([0, 0, heads * headDim])]);
}
