import type { ActivationName, ExpertSpec } from '../families/spec.ts';
import type { AttributeValue, GraphBuilder } from './onnx.ts';
import type { GraphParts } from './parts.ts';

/** Gemm with transB reads the checkpoint's [out, in] layout; MatMul would need every weight transposed at each miss. */
type Product = (input: string, weight: string, bias?: string, output?: string) => string;

/**
 * Feed-forward of one expert or of a dense layer: swiglu is down( silu(gate x) * up x ), mlp is second( act(first x + b) ) + b.
 * gate and up are one matrix product over stacked rows, then split; silu is QuickGelu with alpha 1 (x * sigmoid(1 x)), one node
 * instead of two. Written fused by hand so that sessions load without the optimiser, which would cost more than the load itself.
 * @param rank of the input: 2 for an expert's rows [n, hidden], 3 inside a layer [B, S, hidden]
 */
export function feedForward(
  parts: GraphParts,
  expert: ExpertSpec,
  width: number,
  input: string,
  rank: 2 | 3,
  output?: string,
): string {
  const { builder, blob, hidden } = parts;
  const product = rank === 2 ? gemm(builder) : matMul(builder);
  if (expert.kind === 'swiglu') {
    const refs = [
      { ...expert.gate, rows: width },
      { ...expert.up, rows: width },
    ];
    const projected = product(input, blob.weight('gate_up', [2 * width, hidden], refs));
    const [gate, up] = builder.nodeOutputs('Split', [projected], ['gate', 'up'], { axis: -1, num_outputs: 2 });
    const activated = activate(builder, 'silu', gate as string);
    const inner = builder.node('Mul', [activated, up as string]);
    return product(inner, blob.weight('down', [hidden, width], [expert.down]), undefined, output);
  }
  const { first, firstBias, second, secondBias, activation } = expert;
  const inner = product(
    input,
    blob.weight('first', [width, hidden], [first]),
    firstBias && blob.weight('first_bias', [width], [firstBias]),
  );
  return product(
    activate(builder, activation, inner),
    blob.weight('second', [hidden, width], [second]),
    secondBias && blob.weight('second_bias', [hidden], [secondBias]),
    output,
  );
}

export function feedForwardFloats(expert: ExpertSpec, hidden: number, width: number): number {
  if (expert.kind === 'swiglu') return 3 * hidden * width;
  return 2 * hidden * width + (expert.firstBias === undefined ? 0 : width + hidden);
}

const gemm =
  (builder: GraphBuilder): Product =>
  (input, weight, bias, output) =>
    builder.node('Gemm', bias === undefined ? [input, weight] : [input, weight, bias], { transB: 1 }, output);

const matMul =
  (builder: GraphBuilder): Product =>
  (input, weight, bias, output) => {
    const attributes = { transB: 1, alpha: { float: 1 } };
    if (bias === undefined) return builder.node('FusedMatMul', [input, weight], attributes, output);
    return builder.node('Add', [builder.node('FusedMatMul', [input, weight], attributes), bias], {}, output);
  };

const ACTIVATIONS: Record<
  ActivationName,
  { readonly op: string; readonly attributes?: Record<string, AttributeValue> }
> = {
  relu: { op: 'Relu' },
  gelu: { op: 'Gelu' },
  'gelu-tanh': { op: 'Gelu', attributes: { approximate: 'tanh' } },
  silu: { op: 'QuickGelu', attributes: { alpha: { float: 1 } } },
};

function activate(builder: GraphBuilder, name: ActivationName, input: string): string {
  const { op, attributes } = ACTIVATIONS[name];
  return builder.node(op, [input], attributes);
}
