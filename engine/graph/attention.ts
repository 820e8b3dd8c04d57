import type { AttentionSpec, LayerSpec, LinearSpec } from '../families/spec.ts';
import { GraphBuilder } from './onnx.ts';
import { WeightBlob, type WeightedGraph } from './weight_blob.ts';

/**
 * Attention block of one layer with the router behind it, one session:
 *   h = x + Attention(norm x);  normed = norm h;  router = normed W_r^T
 *
 * B rows, S new tokens a row, P cached keys a row, T = P + S.
 * inputs:  x [B, S, hidden], past_key/past_value [B, KH, P, D], cos/sin [B*S, D/2], positions [B, S] (rows of cos and sin),
 *          bias [B, 1, S, T] added to scores (0 or a large negative), split [2] = (P, S);
 *          with grouped keys also scores_shape [4] = (B, H, S, T) and grouped_shape [4] = (B, KH, H/KH*S, T)
 * outputs: h, normed [B, S, hidden], router [B, S, experts], new_key/new_value [B, KH, S, D]
 *
 * The KV cache belongs to the rank and is fed as a plain input; only new rows come back, so nothing cached is ever copied by
 * ONNX Runtime (GroupQueryAttention with shared buffers copies it out, 2-3 times slower at long contexts). Scores against
 * cached and new keys are computed apart and joined before the softmax. P may be 0.
 * cos and sin come in per step instead of as tables: no table of contextTokens rows in every layer's session.
 */
export function attentionGraph(layer: LayerSpec, hidden: number): WeightedGraph {
  const { attention, attentionNorm, feedForwardNorm, feedForward } = layer;
  if (feedForward.kind !== 'moe') throw new Error(`layer ${layer.block} has no router`);
  const { heads, kvHeads, headDim } = attention;
  const builder = new GraphBuilder();
  const blob = new WeightBlob(builder);
  builder.input('x', 'float32', ['B', 'S', hidden]);
  builder.input('past_key', 'float32', ['B', kvHeads, 'P', headDim]);
  builder.input('past_value', 'float32', ['B', kvHeads, 'P', headDim]);
  builder.input('cos', 'float32', ['N', headDim / 2]);
  builder.input('sin', 'float32', ['N', headDim / 2]);
  builder.input('positions', 'int64', ['B', 'S']);
  builder.input('bias', 'float32', ['B', 1, 'S', 'T']);
  builder.input('split', 'int64', [2]);

  const rms = (input: string, gain: string, epsilon: number) =>
    builder.node('SimplifiedLayerNormalization', [input, gain], {
      axis: -1,
      epsilon: { float: epsilon },
      stash_type: 1,
    });
  const normedInput = rms('x', blob.weight('attention_gain', [hidden], [attentionNorm.gain]), attentionNorm.epsilon);
  const { query, key, value } = projectQkv(builder, blob, attention, normedInput, hidden, rms);
  const rotate = (input: string, output?: string) =>
    builder.node('ContribRotaryEmbedding', [input, 'positions', 'cos', 'sin'], {}, output);
  const context = attend(builder, attention, rotate(query), rotate(key, 'new_key'), value);

  const output = linear(builder, blob, 'output', attention.output, context);
  const gain = blob.weight('feed_forward_gain', [hidden], [feedForwardNorm.gain]);
  builder.nodeOutputs('SkipSimplifiedLayerNormalization', [output, 'x', gain], ['normed', '', '', 'h'], {
    epsilon: { float: feedForwardNorm.epsilon },
  });
  const router = blob.weight('router', [feedForward.experts, hidden], [feedForward.router.weight]);
  builder.node('FusedMatMul', ['normed', router], { transB: 1, alpha: { float: 1 } }, 'router_logits');

  builder.output('h', 'float32', ['B', 'S', hidden]);
  builder.output('normed', 'float32', ['B', 'S', hidden]);
  builder.output('router_logits', 'float32', ['B', 'S', feedForward.experts]);
  builder.output('new_key', 'float32', ['B', kvHeads, 'S', headDim]);
  builder.output('new_value', 'float32', ['B', kvHeads, 'S', headDim]);
  if (heads !== kvHeads) {
    builder.input('scores_shape', 'int64', [4]);
    builder.input('grouped_shape', 'int64', [4]);
  }
  return { model: builder.finish(), parts: blob.parts, floats: blob.floats };
}

/** Floats of a layer's attention and router sessions, for plans made before anything is loaded. */
export function attentionFloats(layer: LayerSpec, hidden: number): { attention: number; router: number } {
  const { query, key, value, output, queryKeyNorm, heads, kvHeads, headDim } = layer.attention;
  const linears = [query, key, value, output];
  let attention = 2 * hidden;
  for (const { inFeatures, outFeatures, bias } of linears)
    attention += inFeatures * outFeatures + (bias ? outFeatures : 0);
  if (queryKeyNorm !== undefined) attention += queryKeyNorm.over === 'head' ? 2 * headDim : (heads + kvHeads) * headDim;
  return { attention, router: layer.feedForward.kind === 'moe' ? layer.feedForward.experts * hidden : 0 };
}

/** One product for q, k and v over stacked rows; returns each as [B, heads, S, D], v under its output name. */
function projectQkv(
  builder: GraphBuilder,
  blob: WeightBlob,
  attention: AttentionSpec,
  input: string,
  hidden: number,
  rms: (input: string, gain: string, epsilon: number) => string,
): { query: string; key: string; value: string } {
  const { heads, kvHeads, headDim, queryKeyNorm } = attention;
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
  const norm = (which: 'query' | 'key', input: string, width: number) =>
    queryKeyNorm === undefined
      ? input
      : rms(input, blob.weight(`${which}_gain`, [width], [queryKeyNorm[which]]), queryKeyNorm.epsilon);
  if (queryKeyNorm?.over === 'all') {
    query = norm('query', query, heads * headDim);
    key = norm('key', key, kvHeads * headDim);
  }
  if (attention.clip !== undefined) {
    const low = builder.float(-attention.clip);
    const high = builder.float(attention.clip);
    [query, key, value] = [query, key, value].map((name) => builder.node('Clip', [name, low, high])) as [
      string,
      string,
      string,
    ];
  }
  const byHead = (name: string, count: number) =>
    builder.node('Reshape', [name, builder.int64s([0, 0, count, headDim])]);
  let queryHeads = byHead(query, heads);
  let keyHeads = byHead(key, kvHeads);
  if (queryKeyNorm?.over === 'head') {
    queryHeads = norm('query', queryHeads, headDim);
    keyHeads = norm('key', keyHeads, headDim);
  }
  const headsFirst = (name: string, output?: string) =>
    builder.node('Transpose', [name], { perm: [0, 2, 1, 3] }, output);
  return {
    query: headsFirst(queryHeads),
    key: headsFirst(keyHeads),
    value: headsFirst(byHead(value, kvHeads), 'new_value'),
  };
}

/** softmax(scale q [past k, new k]^T + bias) [past v, new v]; returns [B, S, heads * D]. */
function attend(
  builder: GraphBuilder,
  attention: AttentionSpec,
  query: string,
  newKey: string,
  newValue: string,
): string {
  const { heads, kvHeads, headDim, scale } = attention;
  const grouped = heads !== kvHeads;
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
  const tokensFirst = builder.node('Transpose', [context], { perm: [0, 2, 1, 3] });
  return builder.node('Reshape', [tokensFirst, builder.int64s([0, 0, heads * headDim])]);
}

function linear(builder: GraphBuilder, blob: WeightBlob, name: string, spec: LinearSpec, input: string): string {
  const weight = blob.weight(name, [spec.outFeatures, spec.inFeatures], [spec.weight]);
  const product = builder.node('FusedMatMul', [input, weight], { transB: 1, alpha: { float: 1 } });
  if (spec.bias === undefined) return product;
  return builder.node('Add', [product, blob.weight(`${name}_bias`, [spec.outFeatures], [spec.bias])]);
}
