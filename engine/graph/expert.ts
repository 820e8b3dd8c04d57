import type { WeightPrecision } from '../checkpoint/block_quantise.ts';
import type { ExpertSpec } from '../families/spec.ts';
import { feedForward } from './feed_forward.ts';
import { GraphBuilder } from './onnx.ts';
import { graphParts } from './parts.ts';
import { WeightBlob, type WeightedGraph, type WeightPlaces } from './weight_blob.ts';

/**
 * One expert: y = FFN(x), x [n, hidden], y [n, hidden]. Weights in the order of `expertWeights`.
 * @param places where its weights lie in files already
 */
export function expertGraph(
  spec: ExpertSpec,
  hidden: number,
  width: number,
  precision: WeightPrecision,
  places?: WeightPlaces,
  builder = new GraphBuilder(),
): WeightedGraph {
  const blob = new WeightBlob(builder, places);
  builder.input('x', 'float32', ['n', hidden]);
  feedForward(graphParts(builder, blob, hidden, precision), spec, width, 'x', 2, 'y');
  builder.output('y', 'float32', ['n', hidden]);
  return blob.finish();
}

/**
 * The same where rows and outputs lie in matrices of all experts: out[to[i]] = FFN(rows[from[i]]), in one call. Outputs of all experts in
 * one matrix let each token's be added up in router order, whatever ran first.
 * inputs: rows [r, hidden], from [n], out [m, hidden], to [n, 1]; output: written, which is `out` in place
 */
export function placedExpertGraph(
  spec: ExpertSpec,
  hidden: number,
  width: number,
  precision: WeightPrecision,
  builder: GraphBuilder,
): WeightedGraph {
  const blob = new WeightBlob(builder);
  builder.input('rows', 'float32', ['r', hidden]);
  builder.input('from', 'int32', ['n']);
  builder.input('out', 'float32', ['m', hidden]);
  builder.input('to', 'int64', ['n', 1]);
  const batch = builder.node('Gather', ['rows', 'from'], { axis: 0 });
  const outputs = feedForward(graphParts(builder, blob, hidden, precision), spec, width, batch, 2);
  builder.node('ScatterND', ['out', 'to', outputs], {}, 'written');
  builder.output('written', 'float32', ['m', hidden]);
  return blob.finish();
}
