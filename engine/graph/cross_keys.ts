import type { WeightPrecision } from '../checkpoint/block_quantise.ts';
import type { GroupedAttentionSpec } from '../families/attention_spec.ts';
import type { NormSpec } from '../families/spec.ts';
import { headsFirst } from './attention.ts';
import { GraphBuilder } from './onnx.ts';
import { graphParts, linear, norm } from './parts.ts';
import { WeightBlob, type WeightedGraph } from './weight_blob.ts';

/**
 * Keys and values of sources for the cross-attention of every decoder layer, run once a group of one length:
 *   key_l, value_l = W_l norm(x), x [B, S, hidden] after the encoder's last layer, key_l/value_l [B, H, S, D]
 * One session for all layers: the encoder's final norm is taken once, and a source costs one call.
 */
export function crossKeysGraph(
  layers: readonly GroupedAttentionSpec[],
  finalNorm: NormSpec,
  hidden: number,
  precision: WeightPrecision,
  builder = new GraphBuilder(),
): WeightedGraph {
  const blob = new WeightBlob(builder);
  const parts = graphParts(builder, blob, hidden, precision);
  builder.input('x', 'float32', ['B', 'S', hidden]);
  const normed = norm(parts, 'final', finalNorm, 'x');
  for (const [index, { kvHeads, headDim, key, value }] of layers.entries()) {
    for (const [name, spec] of [
      ['key', key],
      ['value', value],
    ] as const) {
      headsFirst(builder, linear(parts, `${name}_weight_${index}`, spec, normed), kvHeads, headDim, `${name}_${index}`);
      builder.output(`${name}_${index}`, 'float32', ['B', kvHeads, 'S', headDim]);
    }
  }
  return blob.finish();
}
