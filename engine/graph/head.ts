import type { ModelSpec, NormSpec } from '../families/spec.ts';
import { GraphBuilder } from './onnx.ts';
import { norm } from './parts.ts';
import { WeightBlob, type WeightedGraph } from './weight_blob.ts';

/** logits = norm(x) W^T * multiplier (+ b); x [n, hidden], logits [n, vocab]. Only rows whose logits are wanted are sent through. */
export function headGraph(spec: ModelSpec, finalNorm: NormSpec): WeightedGraph {
  const { hiddenSize, vocabSize, head } = spec;
  const builder = new GraphBuilder();
  const blob = new WeightBlob(builder);
  builder.input('x', 'float32', ['n', hiddenSize]);
  const normed = norm({ builder, blob, hidden: hiddenSize }, 'final', finalNorm, 'x');
  const weight = blob.weight('head', [vocabSize, hiddenSize], [head.weight]);
  const inputs = [
    normed,
    weight,
    ...(head.bias === undefined ? [] : [blob.weight('head_bias', [vocabSize], [head.bias])]),
  ];
  const scale = { float: head.multiplier };
  builder.node('Gemm', inputs, { transB: 1, alpha: scale, beta: scale }, 'logits');
  builder.output('logits', 'float32', ['n', vocabSize]);
  return { model: builder.finish(), parts: blob.parts, floats: blob.floats };
}
