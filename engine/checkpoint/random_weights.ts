import type { StreamedTensor } from './safetensors_stream.ts';

/** Weights are pieces of one pool of random numbers: only their sizes and spread matter, and making gigabytes of them takes a while. */
const POOL_VALUES = 1 << 20;
const SHORTEST_PIECE = POOL_VALUES / 2;

/**
 * Seeded tensors for models that exist to be measured: normal values of one standard deviation cut out of a pool, so that no two
 * experts are the same and a gigabyte is written at the speed of the disk.
 */
export class RandomWeights {
  /** The next value of a standard normal distribution. */
  readonly standard: () => number;
  private readonly next: () => number;
  private readonly pool: Float32Array;

  constructor(seed: number) {
    this.next = uniform(seed);
    this.standard = () => normal(this.next);
    this.pool = new Float32Array(POOL_VALUES);
    for (let i = 0; i < POOL_VALUES; i++) this.pool[i] = normal(this.next);
  }

  /** Normal values of the given standard deviation, BF16. */
  normal(name: string, shape: readonly number[], deviation: number): StreamedTensor {
    const bits = new Uint16Array(this.pool.length);
    const { pool, next } = this;
    return {
      name,
      dtype: 'BF16',
      shape,
      *pieces() {
        const values = shape.reduce((product, dim) => product * dim, 1);
        for (let done = 0; done < values; ) {
          const from = Math.floor(next() * (POOL_VALUES - SHORTEST_PIECE));
          const count = Math.min(POOL_VALUES - from, values - done);
          for (let i = 0; i < count; i++) bits[i] = toBf16((pool[from + i] as number) * deviation);
          yield new Uint8Array(bits.buffer, 0, count * 2);
          done += count;
        }
      },
    };
  }

  /** One value everywhere (gains, zero biases), BF16. */
  constant(name: string, shape: readonly number[], value: number): StreamedTensor {
    return {
      name,
      dtype: 'BF16',
      shape,
      *pieces() {
        const count = shape.reduce((product, dim) => product * dim, 1);
        const bits = new Uint16Array(count).fill(toBf16(value));
        yield new Uint8Array(bits.buffer);
      },
    };
  }

  /** Given values as they are, F32. */
  values(name: string, shape: readonly number[], values: Float32Array): StreamedTensor {
    return {
      name,
      dtype: 'F32',
      shape,
      *pieces() {
        yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      },
    };
  }
}

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** Cut off, not rounded: random values have no right last bit. */
function toBf16(value: number): number {
  scratch[0] = value;
  return (scratchBits[0] as number) >>> 16;
}

/** Box-Muller. */
const normal = (next: () => number): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());

/** Uniform in [0, 1): a linear congruential generator (multiplier and increment of Numerical Recipes), high bits first. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
}
