import type { WeightPrecision } from '../checkpoint/block_quantise.ts';
import type { ExpertSpec } from '../families/spec.ts';
import { feedForward } from './feed_forward.ts';
import { GraphBuilder } from './onnx.ts';
import { WeightBlob, type WeightedGraph } from './weight_blob.ts';

/**
 * One expert: y = FFN(x), x [n, hidden], y [n, hidden]. Weights in the order of `expertWeights`.
 * @param baseBytes where its weights begin, in a file that holds many experts
 */
export function expertGraph(
  spec: ExpertSpec,
  hidden: number,
  width: number,
  precision: WeightPrecision,
  baseBytes = 0,
): WeightedGraph {
  const builder = new GraphBuilder();
  const blob = new WeightBlob(builder, baseBytes);
  builder.input('x', 'float32', ['n', hidden]);
  feedForward({ builder, blob, hidden, precision }, spec, width, 'x', 2, 'y');
  builder.output('y', 'float32', ['n', hidden]);
  return blob.finish();
}
