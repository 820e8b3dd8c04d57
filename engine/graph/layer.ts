import type { WeightPrecision } from '../checkpoint/block_quantise.ts';
import type { FeedForwardSpec, LayerSpec } from '../families/spec.ts';
import { crossAttention } from './attention.ts';
import { feedForward } from './feed_forward.ts';
import { GraphBuilder } from './onnx.ts';
import { type GraphParts, graphParts, linear, norm, skipNorm, times } from './parts.ts';
import { selfAttention } from './self_attention.ts';
import { WeightBlob, type WeightedGraph } from './weight_blob.ts';

/** `attentionBytes` of its weights are attention's, norms included; the rest is other dense. */
export interface LayerGraph extends WeightedGraph {
  readonly attentionBytes: number;
}

const exact = (parts: GraphParts): GraphParts => ({ ...parts, precision: 'fp32' });

/**
 * One layer up to its experts, one session:
 *   h = x + Attention(norm x);  h += CrossAttention(norm h) in a decoder that has one;  normed = norm h
 * and then, in a MoE layer, router_logits = normed W_r^T, the experts being the rank's work, and h += Shared(normed) where every
 * token has shared experts too; in a dense one h += FFN(normed).
 *
 * B rows, S new tokens a row. Inputs of attention: see self_attention.ts.
 * outputs: h [B, S, hidden]; of a MoE layer normed [B, S, hidden] and router_logits [B, S, experts]; new keys when `cached`
 * @param cached whether earlier keys are fed: an encoder sees its whole source at once and keeps none
 * @param precision of all products but the router's and a shared expert's gate, which decide by small differences
 */
export function layerGraph(
  layer: LayerSpec,
  hidden: number,
  cached: boolean,
  precision: WeightPrecision,
  builder = new GraphBuilder(),
): LayerGraph {
  const blob = new WeightBlob(builder);
  const parts = graphParts(builder, blob, hidden, precision);
  const { residualMultiplier, feedForwardNorm } = layer;
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
  const { feedForward: ffn } = layer;
  const sum = ffn.kind === 'moe' && ffn.shared === undefined ? 'h' : 'before_feed_forward';
  skipNorm(parts, 'feed_forward', feedForwardNorm, addend, residual, { normed: 'normed', sum });
  const attentionBytes = blob.bytes;
  if (ffn.kind === 'moe') {
    linear(exact(parts), 'router', ffn.router, 'normed', 'router_logits');
    builder.output('normed', 'float32', ['B', 'S', hidden]);
    builder.output('router_logits', 'float32', ['B', 'S', ffn.experts]);
  }
  const dense = ffn.kind === 'moe' ? ffn.shared && sharedExperts(parts, ffn.shared) : denseOutput(parts, ffn);
  if (dense !== undefined) builder.node('Add', [sum, times(parts, residualMultiplier, dense)], {}, 'h');
  builder.output('h', 'float32', ['B', 'S', hidden]);
  return { ...blob.finish(), attentionBytes };
}

type Moe = Extract<FeedForwardSpec, { kind: 'moe' }>;
type Dense = Extract<FeedForwardSpec, { kind: 'dense' }>;

function denseOutput(parts: GraphParts, { expert, width }: Dense): string {
  return feedForward(parts, expert, width, 'normed', 3);
}

/** FFN(normed), times sigmoid(normed gate^T) where there is a gate. */
function sharedExperts(parts: GraphParts, { expert, width, gate }: NonNullable<Moe['shared']>): string {
  const output = feedForward(parts, expert, width, 'normed', 3);
  if (gate === undefined) return output;
  const { builder } = parts;
  return builder.node('Mul', [output, builder.node('Sigmoid', [linear(exact(parts), 'shared_gate', gate, 'normed')])]);
}
