import fc from 'fast-check';
import type { LowBitPrecision } from '../../engine/checkpoint/block_quantise.ts';
import type { WeightSource } from '../../engine/device/weights.ts';
import type { ActivationName, ExpertSpec } from '../../engine/families/spec.ts';
import { distanceToBorder, roundInputs, roundTrip } from './low_bit_rounding.ts';

export interface ExpertShape {
  readonly hidden: number;
  readonly width: number;
  readonly rows: number;
  readonly kind: 'swiglu' | 'mlp';
  readonly bias: boolean;
  readonly activation: ActivationName;
  readonly seed: number;
}

export const anyShape = (): fc.Arbitrary<ExpertShape> =>
  fc.record({
    hidden: fc.integer({ min: 1, max: 80 }),
    width: fc.integer({ min: 1, max: 80 }),
    rows: fc.constantFrom(1, 2, 5, 17),
    kind: fc.constantFrom('swiglu' as const, 'mlp' as const),
    bias: fc.boolean(),
    activation: fc.constantFrom('relu' as const, 'gelu' as const, 'gelu-tanh' as const, 'silu' as const),
    seed: fc.nat(1e6),
  });

const ACTIVATE: Record<ActivationName, (x: number) => number> = {
  relu: (x) => Math.max(0, x),
  silu: (x) => x / (1 + Math.exp(-x)),
  gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
  'gelu-tanh': (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2,
};

/** Abramowitz and Stegun 7.1.26, good to 1.5e-7. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const y = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - y * Math.exp(-x * x));
}

/** An expert of made-up weights, where they are read, and rows for it [rows, hidden]. */
export function madeUpExpert({ hidden, width, rows, kind, bias, activation, seed }: ExpertShape): {
  readonly spec: ExpertSpec;
  readonly source: WeightSource;
  readonly input: Float32Array;
  /** [out, in] by name: gate, up, down, and the biases b1 and b2. */
  tensor(name: string): { readonly values: Float32Array; readonly out: number; readonly into: number };
} {
  const noise = (name: string, count: number) => {
    let state = seed + name.length * 7919 + name.charCodeAt(0);
    return Float32Array.from({ length: count }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 31 - 1;
    });
  };
  const sizes: Record<string, [number, number]> = {
    gate: [width, hidden],
    up: [width, hidden],
    down: [hidden, width],
    b1: [width, 1],
    b2: [hidden, 1],
  };
  const tensor = (name: string) => {
    const [out, into] = sizes[name] as [number, number];
    return { values: noise(name, out * into).map((value) => value / Math.sqrt(into)), out, into };
  };
  const ref = (name: string) => ({ tensor: name });
  const spec: ExpertSpec =
    kind === 'swiglu'
      ? { kind, gate: ref('gate'), up: ref('up'), down: ref('down') }
      : {
          ...{ kind, first: ref('gate'), second: ref('down'), activation },
          ...(bias && { firstBias: ref('b1'), secondBias: ref('b2') }),
        };
  const source: WeightSource = {
    readFloat32(name, out, firstRow = 0) {
      const { values, into } = tensor(name);
      out.set(values.subarray(firstRow * into, firstRow * into + out.length));
    },
  };
  return { spec, source, input: noise('x', rows * hidden), tensor };
}

/**
 * The same by plain loops over what few bits say of its weights.
 * @param inputs of products: rounded as level 4 does, or as they are
 */
export function plainExpert(precision: LowBitPrecision, shape: ExpertShape, inputs: 'rounded' | 'exact') {
  const { hidden, rows, kind, bias, activation } = shape;
  const { input, tensor } = madeUpExpert(shape);
  let border = 0.5;
  const product = (name: string, biasName: string) => {
    const { values: matrix, out, into } = tensor(name);
    roundTrip(precision, matrix, into);
    const added = bias && kind === 'mlp' && biasName !== '' ? tensor(biasName).values : new Float32Array(out);
    return (x: Float64Array) => {
      border = Math.min(border, distanceToBorder(x));
      const taken = inputs === 'rounded' ? roundInputs(x) : x;
      return Float64Array.from({ length: out }, (_, row) =>
        taken.reduce((sum, value, i) => sum + value * (matrix[row * into + i] as number), added[row] as number),
      );
    };
  };
  const [gate, up, down] = [product('gate', 'b1'), product('up', ''), product('down', 'b2')];
  const wanted = Array.from({ length: rows }, (_, row) => {
    const x = Float64Array.from(input.subarray(row * hidden, (row + 1) * hidden));
    const inner = gate(x).map(ACTIVATE[kind === 'swiglu' ? 'silu' : activation]);
    const gated = kind === 'swiglu' ? up(x).map((value, i) => value * (inner[i] as number)) : inner;
    return Array.from(down(gated));
  });
  return { wanted: wanted.flat(), border };
}
