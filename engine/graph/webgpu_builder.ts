import { type AttributeValue, type ElementType, type ExternalWeights, GraphBuilder } from './onnx.ts';

/** A weight that is fed from the device's memory: where its bytes lie in the graph's blob, and how it is fed. */
export interface FedWeight extends ExternalWeights {
  readonly type: ElementType;
  /** As the blob holds it. */
  readonly dims: readonly number[];
  /** Fed with its last two dimensions swapped. */
  transposed: boolean;
}

/**
 * Writes the same graphs for WebGPU. Three things differ, and all are the builder's work, so that there is one writer of every graph:
 * - Weights are inputs, fed as device buffers. All layers (or experts) of one shape then share one session, a load is an upload and an
 *   eviction frees a buffer; weights inside sessions were held twice, and `release` did not give them back.
 * - FusedMatMul does not run there. A weight that it takes transposed is transposed once, when it is uploaded; keys of attention are
 *   transposed on the device before each product.
 * - Low-bit products take their inputs as they are (level 1). At level 4 that provider rounds them to 8 bits on cards with subgroups and
 *   only from 4 rows up, so that a token's result would depend on how many share its step.
 */
export class WebGpuGraphBuilder extends GraphBuilder {
  readonly weights = new Map<string, FedWeight>();
  private readonly takenAsIs = new Set<string>();
  /** float16 weights by the names of what they are widened to. */
  private readonly halves = new Map<string, string>();
  private declared = false;

  constructor() {
    // They lie in the card's memory however they are taken.
    super(false);
  }

  override external(
    name: string,
    dims: readonly number[],
    weights: ExternalWeights,
    type: ElementType = 'float32',
  ): string {
    this.weights.set(name, { ...weights, type, dims, transposed: false });
    return name;
  }

  override widened(half: string): string {
    const [wide] = super.nodeOutputs('Cast', [half], [`${half}_wide`], { to: 1 }) as readonly [string];
    this.halves.set(wide, half);
    return wide;
  }

  override nodeOutputs(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Record<string, AttributeValue> = {},
  ): readonly string[] {
    if (op === 'FusedMatMul') return this.matMul(inputs as [string, string], outputs, attributes);
    for (const input of inputs) this.takenAsIs.add(this.halves.get(input) ?? input);
    const exact = op === 'MatMulNBits' ? { ...attributes, accuracy_level: 1 } : attributes;
    return super.nodeOutputs(op, inputs, outputs, exact);
  }

  override finish(nodes?: number): Uint8Array {
    for (const [name, { type, dims, transposed }] of this.declared ? [] : this.weights) {
      if (transposed && this.takenAsIs.has(name)) throw new Error(`${name} is taken both transposed and as it is`);
      this.input(name, type, transposed ? swapped(dims) : dims);
    }
    this.declared = true;
    return super.finish(nodes);
  }

  /** A first operand that is transposed has three dimensions, a second one that is no weight has four. */
  private matMul(
    [left, right]: [string, string],
    outputs: readonly string[],
    { transA, transB, alpha }: Record<string, AttributeValue>,
  ): readonly string[] {
    const first = transA === 1 ? this.node('Transpose', [left], { perm: [0, 2, 1] }) : left;
    const factor = typeof alpha === 'object' && 'float' in alpha ? alpha.float : 1;
    const operands = [first, transB === 1 ? this.transposed(right) : right];
    if (factor === 1) return super.nodeOutputs('MatMul', operands, outputs);
    const product = this.node('MatMul', operands);
    return super.nodeOutputs('Mul', [product, this.float(factor)], outputs);
  }

  private transposed(name: string): string {
    const weight = this.weights.get(this.halves.get(name) ?? name);
    if (weight === undefined) return this.node('Transpose', [name], { perm: [0, 1, 3, 2] });
    weight.transposed = true;
    return name;
  }
}

/** Dimensions with the last two swapped. */
export function swapped(dims: readonly number[]): number[] {
  return [...dims.slice(0, -2), dims.at(-1) as number, dims.at(-2) as number];
}
