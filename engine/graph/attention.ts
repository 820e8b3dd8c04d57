import type { AttentionSpec } from '../families/attention_spec.ts';
import type { GraphBuilder } from './onnx.ts';
import { type GraphParts, linear, rms } from './parts.ts';

/**
 * Self-attention with a KV cache that belongs to the rank and is fed as a plain input; only new rows come back, so nothing
 * cached is ever copied by ONNX Runtime (GroupQueryAttention with shared buffers copies it out, 2-3 times slower at long
 * contexts). Scores against cached and new keys are computed apart and joined before the softmax. P may be 0.
 * cos and sin come in per step instead of as tables: no table of contextTokens rows in every layer's session.
 *
 * inputs: past_key/past_value [B, KH, P, D] and split [2] = (P, S), both only when `cached`; bias [B, 1 or H, S, T] added to
 * scores (0 or a large negative, plus relative positions); for rotary positions cos/sin [B*S, D/2] and positions [B, S]
 * (rows of cos and sin); with grouped keys scores_shape [4] = (B, H, S, T) and grouped_shape [4] = (B, KH, H/KH*S, T)
 * outputs: new_key/new_value [B, KH, S, D] when `cached`
 * @param input normed hidden states [B, S, hidden]
 * @returns the output projection's result [B, S, hidden]
 */
export function selfAttention(parts: GraphParts, attention: AttentionSpec, input: string, cached: boolean): string {
  const { builder } = parts;
  const { heads, kvHeads, headDim, positions } = attention;
  builder.input('bias', 'float32', ['B', positions.kind === 'relative-buckets' ? heads : 1, 'S', 'T']);
  const { query, key, value } = projectQkv(parts, attention, input, cached);
  if (!cached) {
    if (positions.kind === 'rope') throw new Error('an encoder with rotary positions is not known here');
    const context = attendOver(builder, attention, query, key, value, 'bias');
    return linear(parts, 'output', attention.output, context);
  }
  builder.input('past_key', 'float32', ['B', kvHeads, 'P', headDim]);
  builder.input('past_value', 'float32', ['B', kvHeads, 'P', headDim]);
  builder.input('split', 'int64', [2]);
  builder.output('new_key', 'float32', ['B', kvHeads, 'S', headDim]);
  builder.output('new_value', 'float32', ['B', kvHeads, 'S', headDim]);
  let rotated = query;
  let newKey = key;
  if (positions.kind === 'rope') {
    builder.input('cos', 'float32', ['N', headDim / 2]);
    builder.input('sin', 'float32', ['N', headDim / 2]);
    builder.input('positions', 'int64', ['B', 'S']);
    const rotate = (name: string, output?: string) =>
      builder.node('ContribRotaryEmbedding', [name, 'positions', 'cos', 'sin'], {}, output);
    rotated = rotate(query);
    newKey = rotate(key, 'new_key');
  }
  return linear(parts, 'output', attention.output, attendCached(builder, attention, rotated, newKey, value));
}

/**
 * Cross-attention over keys and values that were computed when the source was encoded.
 * inputs: cross_key/cross_value [B, KH, T, D], cross_bias [B, 1, 1, T] (0, or a large negative beyond the source)
 * @param input normed hidden states [B, S, hidden]
 */
export function crossAttention(parts: GraphParts, attention: AttentionSpec, input: string): string {
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
  { builder, blob, hidden }: GraphParts,
  attention: AttentionSpec,
  input: string,
  cached: boolean,
): { query: string; key: string; value: string } {
  const { heads, kvHeads, headDim, queryKeyNorm, positions } = attention;
  const widths = [heads * headDim, kvHeads * headDim, kvHeads * headDim];
  const rows = (widths[0] as number) + 2 * kvHeads * headDim;
  const linears = [attention.query, attention.key, attention.value];
  const refs = linears.map((spec, index) => ({ ...spec.weight, rows: widths[index] as number }));
  const weight = blob.weight('qkv', [rows, hidden], refs);
  let projected = builder.node('FusedMatMul', [input, weight], { transB: 1, alpha: { float: 1 } });
  if (attention.query.bias !== undefined) {
    const biases = linears.map((spec, index) => ({
      ...(spec.bias as { tensor: string }),
      rows: widths[index] as number,
    }));
    projected = builder.node('Add', [projected, blob.weight('qkv_bias', [rows], biases)]);
  }
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
  { heads, headDim, scale }: AttentionSpec,
  query: string,
  key: string,
  value: string,
  bias: string,
): string {
  const scores = builder.node('FusedMatMul', [query, key], { transB: 1, alpha: { float: scale } });
  const weights = builder.node('Softmax', [builder.node('Add', [scores, bias])], { axis: -1 });
  return tokensFirst(builder, builder.node('MatMul', [weights, value]), heads, headDim);
}

/** softmax(scale q [past k, new k]^T + bias) [past v, new v]; returns [B, S, heads * D]. */
function attendCached(
  builder: GraphBuilder,
  attention: AttentionSpec,
  query: string,
  newKey: string,
  newValue: string,
): string {
  const { heads, kvHeads, headDim, scale } = attention;
  const grouped = heads !== kvHeads;
  if (grouped) {
    builder.input('scores_shape', 'int64', [4]);
    builder.input('grouped_shape', 'int64', [4]);
  }
  const rows = grouped ? builder.node('Reshape', [query, builder.int64s([0, kvHeads, -1, headDim])]) : query;
  const score = (keys: string) => builder.node('FusedMatMul', [rows, keys], { transB: 1, alpha: { float: scale } });
  let scores = builder.node('Concat', [score('past_key'), score(newKey)], { axis: -1 });
  if (grouped) scores = builder.node('Reshape', [scores, 'scores_shape']);
  let weights = builder.node('Softmax', [builder.node('Add', [scores, 'bias'])], { axis: -1 });
  if (grouped) weights = builder.node('Reshape', [weights, 'grouped_shape']);
  const [past, fresh] = builder.nodeOutputs('Split', [weights, 'split'], ['past_weights', 'new_weights'], { axis: -1 });
  let context = builder.node('Add', [
    builder.node('MatMul', [past as string, 'past_value']),
    builder.node('MatMul', [fresh as string, newValue]),
  ]);
  if (grouped) context = builder.node('Reshape', [context, builder.int64s([0, heads, -1, headDim])]);
  return tokensFirst(builder, context, heads, headDim);
}

function tokensFirst(builder: GraphBuilder, context: string, heads: number, headDim: number): string {
  const moved = builder.node('Transpose', [context], { perm: [0, 2, 1, 3] });
  return builder.node('Reshape', [moved, builder.int64s([0, 0, heads * headDim])]);
}
