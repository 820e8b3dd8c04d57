import type { WeightPrecision } from '../../engine/checkpoint/block_quantise.ts';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { roundInputs, roundToHalves, roundTrip } from './low_bit_rounding.ts';

/** Plain double-precision loops for reference passes: they share nothing with the engine but the reading of tensors. */

export type Vector = Float64Array;
export type Matrix = Vector[];

/** Matrices held at few bits, by name: rounded as read, and their inputs as level 4 rounds them unless those are taken as they are. */
export type LowBit = (name: string) => Exclude<WeightPrecision, 'fp32'> | undefined;

export class Weights {
  private readonly checkpoint;

  constructor(
    folder: string,
    private readonly lowBit: LowBit = () => undefined,
    private readonly exactInputs = false,
  ) {
    this.checkpoint = openCheckpoint(folder);
  }

  has(name: string): boolean {
    return this.checkpoint.tensors.has(name);
  }

  /** All dimensions but the last as rows. */
  matrix(name: string): Matrix {
    const shape = this.checkpoint.tensors.get(name)?.shape ?? [];
    const columns = shape[shape.length - 1] ?? 1;
    const rows = shape.slice(0, -1).reduce((product, dim) => product * dim, 1);
    const flat = new Float32Array(rows * columns);
    this.checkpoint.readFloat32(name, flat);
    const precision = this.lowBit(name);
    if (precision === 'fp16') roundToHalves(flat);
    else if (precision !== undefined) roundTrip(precision, flat, columns);
    return Array.from({ length: rows }, (_, row) =>
      Float64Array.from(flat.subarray(row * columns, (row + 1) * columns)),
    );
  }

  vector(name: string): Vector {
    return this.matrix(name)[0] as Vector;
  }

  /** x W^T + b for every row, with the bias where there is one. */
  linear(name: string): (x: Vector) => Vector {
    const weight = this.matrix(`${name}.weight`);
    const bias = this.has(`${name}.bias`) ? this.vector(`${name}.bias`) : undefined;
    const rounded = !this.exactInputs && !['fp16', undefined].includes(this.lowBit(`${name}.weight`));
    return (x) => {
      const input = rounded ? roundInputs(x) : x;
      return Float64Array.from(weight, (row, i) => dot(row, input) + (bias?.[i] ?? 0));
    };
  }

  layerNorm(name: string, epsilon = 1e-5): (x: Vector) => Vector {
    const gain = this.vector(`${name}.weight`);
    const bias = this.vector(`${name}.bias`);
    return (x) => {
      const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
      const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
      const scale = 1 / Math.sqrt(variance + epsilon);
      return x.map((value, i) => (value - mean) * scale * (gain[i] as number) + (bias[i] as number));
    };
  }

  rmsNorm(name: string, epsilon: number): (x: Vector) => Vector {
    const gain = this.vector(`${name}.weight`);
    return (x) => {
      const scale = 1 / Math.sqrt(dot(x, x) / x.length + epsilon);
      return x.map((value, i) => value * scale * (gain[i] as number));
    };
  }

  close(): void {
    this.checkpoint.close();
  }
}

export function dot(a: Vector, b: Vector): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

export function add(a: Vector, b: Vector, weight = 1): Vector {
  return a.map((value, i) => value + weight * (b[i] as number));
}

export function softmax(x: Vector): Vector {
  const largest = Math.max(...x);
  const powers = x.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}

/**
 * Attention with as many key heads as keys have room for: query head h reads key head floor(h / (heads / key heads)).
 * @param seen whether query i may look at key j
 * @param bias added to the score of head h
 */
export function attend(
  q: Matrix,
  k: Matrix,
  v: Matrix,
  heads: number,
  scale: number,
  seen: (i: number, j: number) => boolean,
  bias: (h: number, i: number, j: number) => number = () => 0,
): Matrix {
  const width = (q[0]?.length ?? 0) / heads;
  const perKey = (q[0]?.length ?? 0) / (k[0]?.length ?? 1);
  const part = (x: Vector, head: number) => x.subarray(head * width, (head + 1) * width);
  return q.map((query, i) => {
    const out = new Float64Array(query.length);
    for (let head = 0; head < heads; head++) {
      const shared = Math.floor(head / perKey);
      const keys = k.flatMap((_, j) => (seen(i, j) ? [j] : []));
      // A query that sees no key is a padding row of a causal mask: nobody reads what comes out.
      if (keys.length === 0) continue;
      const score = (j: number) => scale * dot(part(query, head), part(k[j] as Vector, shared)) + bias(head, i, j);
      const weights = softmax(Float64Array.from(keys, score));
      for (const [at, j] of keys.entries()) {
        const value = part(v[j] as Vector, shared);
        for (let n = 0; n < width; n++)
          out[head * width + n] = (out[head * width + n] as number) + (weights[at] as number) * (value[n] as number);
      }
    }
    return out;
  });
}
