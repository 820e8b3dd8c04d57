import type { LinearSpec, NormSpec } from '../families/spec.ts';
import type { AttributeValue, GraphBuilder } from './onnx.ts';
import type { WeightBlob } from './weight_blob.ts';

/** A graph being written: its nodes and its weights. */
export interface GraphParts {
  readonly builder: GraphBuilder;
  readonly blob: WeightBlob;
  readonly hidden: number;
}

/** norm(input) over the last axis, of `width` values. */
export function norm(
  { builder, blob, hidden }: GraphParts,
  name: string,
  spec: NormSpec,
  input: string,
  output?: string,
): string {
  const gain = blob.weight(`${name}_gain`, [hidden], [spec.gain]);
  if (spec.kind === 'rms') return rms(builder, input, gain, spec.epsilon, output);
  const bias = blob.weight(`${name}_bias`, [hidden], [spec.bias]);
  const attributes = { axis: -1, epsilon: { float: spec.epsilon }, stash_type: 1 };
  return builder.node('LayerNormalization', [input, gain, bias], attributes, output);
}

export function rms(builder: GraphBuilder, input: string, gain: string, epsilon: number, output?: string): string {
  const attributes: Record<string, AttributeValue> = { axis: -1, epsilon: { float: epsilon }, stash_type: 1 };
  return builder.node('SimplifiedLayerNormalization', [input, gain], attributes, output);
}

/** sum = input + skip and norm(sum), one node for both. */
export function skipNorm(
  { builder, blob, hidden }: GraphParts,
  name: string,
  spec: NormSpec,
  input: string,
  skip: string,
  outputs: { readonly normed: string; readonly sum: string },
): void {
  const gain = blob.weight(`${name}_gain`, [hidden], [spec.gain]);
  const rest = spec.kind === 'rms' ? [] : [blob.weight(`${name}_bias`, [hidden], [spec.bias])];
  const op = spec.kind === 'rms' ? 'SkipSimplifiedLayerNormalization' : 'SkipLayerNormalization';
  builder.nodeOutputs(op, [input, skip, gain, ...rest], [outputs.normed, '', '', outputs.sum], {
    epsilon: { float: spec.epsilon },
  });
}

/** input W^T (+ b), input of any rank. */
export function linear(
  { builder, blob }: GraphParts,
  name: string,
  { weight, bias, inFeatures, outFeatures }: LinearSpec,
  input: string,
  output?: string,
): string {
  const stored = blob.weight(name, [outFeatures, inFeatures], [weight]);
  const attributes = { transB: 1, alpha: { float: 1 } };
  if (bias === undefined) return builder.node('FusedMatMul', [input, stored], attributes, output);
  const product = builder.node('FusedMatMul', [input, stored], attributes);
  return builder.node('Add', [product, blob.weight(`${name}_bias`, [outFeatures], [bias])], {}, output);
}

/** factor * input; the input itself where the factor is 1. */
export function times({ builder }: GraphParts, factor: number, input: string): string {
  return factor === 1 ? input : builder.node('Mul', [input, builder.float(factor)]);
}

export function linearFloats({ inFeatures, outFeatures, bias }: LinearSpec): number {
  return inFeatures * outFeatures + (bias === undefined ? 0 : outFeatures);
}

export function normFloats(spec: NormSpec, hidden: number): number {
  return spec.kind === 'rms' ? hidden : 2 * hidden;
}
