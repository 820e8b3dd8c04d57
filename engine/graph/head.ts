import type { ModelSpec, NormSpec } from '../families/spec.ts';
import { GraphBuilder } from './onnx.ts';
import { WeightBlob, type WeightedGraph } from './weight_blob.ts';

/** logits = norm(x) W^T; x [n, hidden], logits [n, vocab]. Only rows whose logits are wanted are sent through. */
export function headGraph(spec: ModelSpec, norm: NormSpec): WeightedGraph {
  const builder = new GraphBuilder();
  const blob = new WeightBlob(builder);
  builder.input('x', 'float32', ['n', spec.hiddenSize]);
  const gain = blob.weight('gain', [spec.hiddenSize], [norm.gain]);
  const normed = builder.node('SimplifiedLayerNormalization', ['x', gain], {
    axis: -1,
    epsilon: { float: norm.epsilon },
    stash_type: 1,
  });
  const weight = blob.weight('head', [spec.vocabSize, spec.hiddenSize], [spec.head.weight]);
  builder.node('Gemm', [normed, weight], { transB: 1, alpha: { float: spec.head.multiplier } }, 'logits');
  builder.output('logits', 'float32', ['n', spec.vocabSize]);
  return { model: builder.finish(), parts: blob.parts, floats: blob.floats };
}
