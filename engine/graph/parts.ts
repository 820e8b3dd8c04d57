import { BLOCK, bitsOf, type WeightPrecision } from '../checkpoint/block_quantise.ts';
import type { LinearSpec, NormSpec, WeightRef } from '../families/spec.ts';
import { inPlace } from './in_place.ts';
import type { AttributeValue, GraphBuilder } from './onnx.ts';
import type { WeightBlob } from './weight_blob.ts';

/** A graph being written: its nodes and its weights. */
export interface GraphParts {
  readonly builder: GraphBuilder;
  readonly blob: WeightBlob;
  readonly hidden: number;
  /** Of matrix products; norms and biases stay float32. */
  readonly precision: WeightPrecision;
  /** Whether large float32 matrices are used where they lie, see in_place.ts: in graphs without few bits, which must be packed. */
  readonly largeInPlace: boolean;
  /** How hidden states lie in products: a token a row, or a token a column. */
  readonly lie: 'rows' | 'columns';
}

/** Parts of a new graph. */
export function graphParts(
  builder: GraphBuilder,
  blob: WeightBlob,
  hidden: number,
  precision: WeightPrecision,
): GraphParts {
  const largeInPlace = builder.weightsInPlace && precision === 'fp32';
  return { builder, blob, hidden, precision, largeInPlace, lie: 'rows' };
}

/**
 * Activations are rounded to 8 bits a block for low-bit products (level 4): 4 times as fast as float32 ones (level 1) at 4 bits and
 * 80 times at 8, for which there is no float32 kernel. Its error, 0.5% of an output's size, is that of 8-bit weights, and a
 * fifteenth of that of 4-bit ones.
 */
const ACCURACY_LEVEL = 4;

/** A matrix [rows, columns] made of `refs` stacked by rows, and what is added to its products. */
export interface MatrixSpec {
  readonly rows: number;
  readonly columns: number;
  readonly refs: readonly WeightRef[];
  readonly bias?: readonly WeightRef[];
  /** What products and bias are multiplied by; 1 when absent. */
  readonly factor?: number;
}

/**
 * (W x + bias) * factor at the graph's precision, hidden states as `parts` say: rows [.., in] to [.., out], columns [in, n] to [out, n].
 * @param flat whether rows have two dimensions: then all of it is one node in float32
 */
export function product(
  parts: GraphParts,
  name: string,
  { rows, columns, refs, bias, factor = 1 }: MatrixSpec,
  input: string,
  output?: string,
  flat = false,
): string {
  const { builder, blob, precision, lie } = parts;
  const addend = () => (bias === undefined ? [] : [blob.weight(`${name}_bias`, [rows], bias)]);
  if (precision !== 'fp32' && precision !== 'fp16') {
    const { codes, scales, zeros } = blob.lowBit(name, precision, rows, columns, refs);
    const attributes = {
      K: columns,
      N: rows,
      bits: bitsOf(precision),
      block_size: BLOCK,
      accuracy_level: ACCURACY_LEVEL,
    };
    const added = addend();
    const rest = added.length > 0 ? [zeros, '', ...added] : zeros === '' ? [] : [zeros];
    const inputs = [input, codes, scales, ...rest];
    if (factor === 1) return builder.node('MatMulNBits', inputs, attributes, output);
    return times(parts, factor, builder.node('MatMulNBits', inputs, attributes), output);
  }
  // All read the checkpoint's [out, in] layout; MatMul would need every weight transposed at each miss.
  // float16 only rests in memory. Rejected: products of float16 operands, which WebGPU's kernels add up in float16, too: off by 2 to 5% of
  // an output's size at 2048 columns, ten times what 8 bits cost.
  const weight =
    precision === 'fp16'
      ? builder.widened(blob.half(name, rows, columns, refs))
      : blob.weight(name, [rows, columns], refs);
  const scale = { float: factor };
  if (lie === 'columns') {
    const column = addend().map((vector) => builder.node('Reshape', [vector, builder.int64s([rows, 1])]));
    return builder.node('Gemm', [weight, input, ...column], { alpha: scale, beta: scale }, output);
  }
  if (flat) {
    return builder.node('Gemm', [input, weight, ...addend()], { transB: 1, alpha: scale, beta: scale }, output);
  }
  const attributes = { transB: 1, alpha: scale };
  if (bias === undefined) return builder.node('FusedMatMul', [input, weight], attributes, output);
  if (factor !== 1) throw new Error(`${name}: a bias and a factor go with a flat input only`);
  return builder.node('Add', [builder.node('FusedMatMul', [input, weight], attributes), ...addend()], {}, output);
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

/** input W^T (+ b), input [.., in] of three dimensions. */
export function linear(
  parts: GraphParts,
  name: string,
  { weight, bias, inFeatures, outFeatures }: LinearSpec,
  input: string,
  output?: string,
): string {
  const matrix = { rows: outFeatures, columns: inFeatures, refs: [weight], ...(bias && { bias: [bias] }) };
  return stacked(parts, name, matrix, input, output);
}

/** The same of a matrix that is made of several; `flat` as in `product`. */
export function stacked(
  parts: GraphParts,
  name: string,
  matrix: MatrixSpec,
  input: string,
  output?: string,
  flat = false,
): string {
  const { rows, columns } = matrix;
  const laid = { features: { in: columns, out: rows }, floats: rows * columns, flat };
  return inPlace(parts, laid, input, (side, x, out) => product(side, name, matrix, x, out, flat), output);
}

/** factor * input; the input itself where the factor is 1. */
export function times({ builder }: GraphParts, factor: number, input: string, output?: string): string {
  return factor === 1 && output === undefined ? input : builder.node('Mul', [input, builder.float(factor)], {}, output);
}
