import type { ExpertSpec } from '../families/spec.ts';
import { feedForward } from './feed_forward.ts';
import { GraphBuilder } from './onnx.ts';
import { WeightBlob, type WeightedGraph } from './weight_blob.ts';

/** One expert: y = FFN(x), x [n, hidden], y [n, hidden]. Weights in the order of `expertWeights`. */
export function expertGraph(spec: ExpertSpec, hidden: number, width: number): WeightedGraph {
  const builder = new GraphBuilder();
  const blob = new WeightBlob(builder);
  builder.input('x', 'float32', ['n', hidden]);
  feedForward({ builder, blob, hidden }, spec, width, 'x', 2, 'y');
  builder.output('y', 'float32', ['n', hidden]);
  return { model: builder.finish(), parts: blob.parts, floats: blob.floats };
}
