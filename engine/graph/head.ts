import type { WeightPrecision } from '../checkpoint/block_quantise.ts';
import type { ModelSpec, NormSpec } from '../families/spec.ts';
import { GraphBuilder } from './onnx.ts';
import { graphParts, norm, stacked } from './parts.ts';
import { WeightBlob, type WeightedGraph } from './weight_blob.ts';

/** logits = (norm(x) W^T + b) * multiplier; x [n, hidden], logits [n, vocab]. Only rows whose logits are wanted are sent through. */
export function headGraph(
  spec: ModelSpec,
  finalNorm: NormSpec,
  precision: WeightPrecision,
  builder = new GraphBuilder(),
): WeightedGraph {
  const { hiddenSize, vocabSize, head } = spec;
  const blob = new WeightBlob(builder);
  builder.input('x', 'float32', ['n', hiddenSize]);
  // As float16 it would be widened as a whole in every step, and that is more than it saves.
  const parts = graphParts(builder, blob, hiddenSize, precision === 'fp16' ? 'fp32' : precision);
  const matrix = {
    rows: vocabSize,
    columns: hiddenSize,
    refs: [head.weight],
    ...(head.bias && { bias: [head.bias] }),
    factor: head.multiplier,
  };
  stacked(parts, 'head', matrix, norm(parts, 'final', finalNorm, 'x'), 'logits', true);
  builder.output('logits', 'float32', ['n', vocabSize]);
  return blob.finish();
}
