import type { LayerSpec } from '../families/spec.ts';
import { crossAttention, selfAttention } from './attention.ts';
import { feedForward, feedForwardFloats } from './feed_forward.ts';
import { GraphBuilder } from './onnx.ts';
import { type GraphParts, linear, linearFloats, norm, normFloats, skipNorm, times } from './parts.ts';
import { WeightBlob, type WeightedGraph } from './weight_blob.ts';

/**
 * One layer up to its experts, one session:
 *   h = x + Attention(norm x);  h += CrossAttention(norm h) in a decoder that has one;  normed = norm h
 * and then, in a MoE layer, router_logits = normed W_r^T, the experts being the rank's work; in a dense one h += FFN(normed).
 *
 * B rows, S new tokens a row. Inputs of attention: see attention.ts.
 * outputs: h [B, S, hidden]; of a MoE layer normed [B, S, hidden] and router_logits [B, S, experts]; new keys when `cached`
 * @param cached whether earlier keys are fed: an encoder sees its whole source at once and keeps none
 */
export function layerGraph(layer: LayerSpec, hidden: number, cached: boolean): WeightedGraph {
  const builder = new GraphBuilder();
  const blob = new WeightBlob(builder);
  const parts: GraphParts = { builder, blob, hidden };
  const { residualMultiplier, feedForwardNorm } = layer;
  const moe = layer.feedForward.kind === 'moe';
  builder.input('x', 'float32', ['B', 'S', hidden]);
  const normedInput = norm(parts, 'attention', layer.attentionNorm, 'x');
  let addend = times(parts, residualMultiplier, selfAttention(parts, layer.attention, normedInput, cached));
  let residual = 'x';
  const cross = layer.crossAttention;
  if (cross !== undefined) {
    skipNorm(parts, 'cross_norm', cross.norm, addend, residual, { normed: 'cross_normed', sum: 'attended' });
    addend = times(parts, residualMultiplier, crossAttention(parts, cross.attention, 'cross_normed'));
    residual = 'attended';
  }
  const sum = moe ? 'h' : 'before_feed_forward';
  skipNorm(parts, 'feed_forward', feedForwardNorm, addend, residual, { normed: 'normed', sum });
  if (layer.feedForward.kind === 'moe') {
    const { router, experts } = layer.feedForward;
    linear(parts, 'router', router, 'normed', 'router_logits');
    builder.output('normed', 'float32', ['B', 'S', hidden]);
    builder.output('router_logits', 'float32', ['B', 'S', experts]);
  } else {
    const { expert, width } = layer.feedForward;
    const output = times(parts, residualMultiplier, feedForward(parts, expert, width, 'normed', 3));
    builder.node('Add', [sum, output], {}, 'h');
  }
  builder.output('h', 'float32', ['B', 'S', hidden]);
  return { model: builder.finish(), parts: blob.parts, floats: blob.floats };
}

/** Floats of a layer's session by ledger line, for plans made before anything is loaded. Add up to the graph's own. */
export function layerFloats(layer: LayerSpec, hidden: number): { attention: number; otherDense: number } {
  const { attention, crossAttention: cross, feedForward: ffn } = layer;
  const { query, key, value, output, queryKeyNorm, heads, kvHeads, headDim } = attention;
  let floats = normFloats(layer.attentionNorm, hidden) + normFloats(layer.feedForwardNorm, hidden);
  for (const part of [query, key, value, output]) floats += linearFloats(part);
  if (queryKeyNorm !== undefined) floats += queryKeyNorm.over === 'head' ? 2 * headDim : (heads + kvHeads) * headDim;
  if (cross !== undefined) {
    floats +=
      normFloats(cross.norm, hidden) + linearFloats(cross.attention.query) + linearFloats(cross.attention.output);
  }
  const otherDense = ffn.kind === 'moe' ? linearFloats(ffn.router) : feedForwardFloats(ffn.expert, hidden, ffn.width);
  return { attention: floats, otherDense };
}
