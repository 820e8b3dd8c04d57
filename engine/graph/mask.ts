import { GraphBuilder } from './onnx.ts';
import { WeightBlob, type WeightedGraph } from './weight_blob.ts';

/**
 * Static gating's two matrix products (paper, section "Static Gating"; GShard's einsums). d hidden, m = E C S.
 * Dispatch: mask^T x tokens, a batch of E products (E, S, C S)^T (S, d) -> (E, C S, d).
 */
export function dispatchGraph(hidden: number, builder = new GraphBuilder()): WeightedGraph {
  builder.input('mask', 'float32', ['e', 's', 'c']);
  builder.input('x', 'float32', ['s', hidden]);
  builder.node('FusedMatMul', ['mask', 'x'], { transA: 1, alpha: { float: 1 } }, 'y');
  builder.output('y', 'float32', ['e', 'c', hidden]);
  return new WeightBlob(builder).finish();
}

/** Combine: weights x outputs, (S, m) (m, d) -> (S, d). */
export function combineGraph(hidden: number, builder = new GraphBuilder()): WeightedGraph {
  builder.input('weights', 'float32', ['s', 'm']);
  builder.input('y', 'float32', ['m', hidden]);
  builder.node('MatMul', ['weights', 'y'], {}, 'z');
  builder.output('z', 'float32', ['s', hidden]);
  return new WeightBlob(builder).finish();
}
