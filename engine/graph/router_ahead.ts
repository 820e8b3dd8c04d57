import type { LayerSpec, ModelSpec } from '../families/spec.ts';
import { GraphBuilder } from './onnx.ts';
import { graphParts, linear, norm } from './parts.ts';
import { WeightBlob, type WeightedGraph } from './weight_blob.ts';

/**
 * A MoE layer's router without the layer: router_logits = norm(x) W_r^T (+ b), with the norm that stands before its experts. Fed with
 * the residual stream of the layer before, it foresees what this one will choose.
 * x [B, S, hidden], router_logits [B, S, experts]
 */
export function routerGraph(
  { feedForward, feedForwardNorm }: LayerSpec,
  hidden: number,
  builder = new GraphBuilder(),
): WeightedGraph {
  if (feedForward.kind !== 'moe') throw new Error('a dense layer has no router');
  const blob = new WeightBlob(builder);
  // As in its layer: it decides by small differences, whatever the others are held as.
  const parts = graphParts(builder, blob, hidden, 'fp32');
  builder.input('x', 'float32', ['B', 'S', hidden]);
  linear(parts, 'router', feedForward.router, norm(parts, 'feed_forward', feedForwardNorm, 'x'), 'router_logits');
  builder.output('router_logits', 'float32', ['B', 'S', feedForward.experts]);
  return blob.finish();
}

/**
 * The layer whose router is asked at each MoE layer: the next one of its stack that has experts; undefined at its last [MoE layers].
 *
 * Two layers ahead was tried and not built. On demo-lm (batch 1, LRU) with 8, 16 and 32 of 64 slots 5891, 2770 and 1235 experts were
 * missed on demand, against 4670, 2557 and 1158 one layer ahead and 8215, 3079 and 1409 without (replayed). Projected for loads that
 * overlap with the layers over one link, a step with 8 slots took 6% longer than one layer ahead where a load takes a fifth of a layer,
 * as long at a half, 5% less at a whole one: earlier loads are worse guesses, and a link that is busy all the time gains no time by them.
 */
export function routersAhead({ stacks }: ModelSpec): (LayerSpec | undefined)[] {
  return stacks.flatMap(({ layers }) => {
    const moe = layers.filter((layer) => layer.feedForward.kind === 'moe');
    return moe.map((_, index) => moe[index + 1]);
  });
}

/** Bytes of all of them on a CPU device, beside the layers that have the same weights once more. */
export function routersAheadBytes(spec: ModelSpec): number {
  const graphs = routersAhead(spec).flatMap((layer) => layer ?? []);
  return graphs.reduce((sum, layer) => sum + routerGraph(layer, spec.hiddenSize).bytes, 0);
}
