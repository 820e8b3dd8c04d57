import type { ExpertSpec } from '../families/spec.ts';
import { GraphBuilder } from './onnx.ts';
import { WeightBlob, type WeightedGraph } from './weight_blob.ts';

/**
 * One expert: y = down( silu(gate x) * up x ), x [n, hidden], y [n, hidden].
 * gate and up are one matrix product over stacked rows, then split; silu is QuickGelu with alpha 1 (x * sigmoid(1 x)), one node
 * instead of two. Written fused by hand so that sessions load without the optimiser, which would cost more than the load itself.
 * Gemm with transB reads the checkpoint's [out, in] layout; MatMul would need every weight transposed at each miss.
 */
export function expertGraph(spec: ExpertSpec, hidden: number, width: number): WeightedGraph {
  const builder = new GraphBuilder();
  const blob = new WeightBlob(builder);
  builder.input('x', 'float32', ['n', hidden]);
  const gateUp = blob.weight(
    'gate_up',
    [2 * width, hidden],
    [
      { ...spec.gate, rows: width },
      { ...spec.up, rows: width },
    ],
  );
  const down = blob.weight('down', [hidden, width], [spec.down]);
  const projected = builder.node('Gemm', ['x', gateUp], { transB: 1 });
  const [gate, up] = builder.nodeOutputs('Split', [projected], ['gate', 'up'], { axis: -1, num_outputs: 2 });
  const activated = builder.node('QuickGelu', [gate as string], { alpha: { float: 1 } });
  const product = builder.node('Mul', [activated, up as string]);
  builder.node('Gemm', [product, down], { transB: 1 }, 'y');
  builder.output('y', 'float32', ['n', hidden]);
  return { model: builder.finish(), parts: blob.parts, floats: blob.floats };
}

/** Floats of one expert, without building its graph. */
export function expertFloats(hidden: number, width: number): number {
  return 3 * hidden * width;
}
