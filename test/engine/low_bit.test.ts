import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK, type LowBitPrecision, quantiseRows } from '../../engine/checkpoint/block_quantise.ts';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { forwardLogits } from '../../engine/coordinator/logits.ts';
import { expertBytes } from '../../engine/device/cpu/experts.ts';
import { cpuSessions } from '../../engine/device/cpu/session.ts';
import { floats } from '../../engine/device/tensors.ts';
import { WeightStaging } from '../../engine/device/weights.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { type ActivationName, type ExpertSpec, moeLayers } from '../../engine/families/spec.ts';
import { expertGraph } from '../../engine/graph/expert.ts';
import { distanceToBorder, lowBitRows, roundInputs, roundTrip } from './low_bit_rounding.ts';
import { readTensor } from './read_tensor.ts';
import { referenceLlama } from './reference_llama.ts';

const PRECISIONS: readonly LowBitPrecision[] = ['int8', 'int4'];
const float = fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e6), max: Math.fround(1e6) });

describe('rounding to few bits', () => {
  it.each(PRECISIONS)('%s: no value is off by more than half a step of its block', (precision) => {
    const matrix = fc
      .record({ rows: fc.integer({ min: 1, max: 5 }), columns: fc.integer({ min: 1, max: 100 }) })
      .chain(({ rows, columns }) =>
        fc.record({
          columns: fc.constant(columns),
          values: fc.array(float, { minLength: rows * columns, maxLength: rows * columns }),
        }),
      );
    fc.assert(
      fc.property(matrix, ({ columns, values }) => {
        const exact = Float32Array.from(values);
        const rounded = exact.slice();
        const { scales } = roundTrip(precision, rounded, columns);
        const blocks = Math.ceil(columns / BLOCK);
        for (const [at, value] of exact.entries()) {
          const block = Math.floor(at / columns) * blocks + Math.floor((at % columns) / BLOCK);
          const error = Math.abs(value - (rounded[at] as number));
          expect(error).toBeLessThanOrEqual(((scales[block] as number) / 2) * (1 + 1e-5) + 1e-35);
        }
      }),
    );
  });

  it.each(PRECISIONS)('%s: a row is rounded alone, so a matrix may be rounded piece by piece', (precision) => {
    const columns = 70;
    const values = Float32Array.from({ length: 3 * columns }, (_, i) => Math.sin(i * i));
    const whole = lowBitRows(precision, 3, columns);
    quantiseRows(precision, values, columns, whole);
    const pieces = [0, 1, 2].map((row) => {
      const piece = lowBitRows(precision, 1, columns);
      quantiseRows(precision, values.subarray(row * columns, (row + 1) * columns), columns, piece);
      return piece;
    });
    for (const part of ['codes', 'scales', 'zeros'] as const)
      expect(pieces.flatMap((piece) => Array.from(piece[part]))).toEqual(Array.from(whole[part]));
  });

  it('tells of values that are not finite', () => {
    const values = new Float32Array(64);
    values[40] = Number.NaN;
    values[3] = Number.POSITIVE_INFINITY;
    for (const precision of PRECISIONS)
      expect(quantiseRows(precision, values, 64, lowBitRows(precision, 1, 64))).toBe(2);
  });
});

interface Shape {
  readonly hidden: number;
  readonly width: number;
  readonly rows: number;
  readonly kind: 'swiglu' | 'mlp';
  readonly bias: boolean;
  readonly activation: ActivationName;
  readonly seed: number;
}

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

/** One expert of made-up weights through its session, and by plain loops over what few bits say of them. */
async function throughBoth(precision: LowBitPrecision, shape: Shape) {
  const { hidden, width, rows, kind, bias, activation, seed } = shape;
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
    return noise(name, out * into).map((value) => value / Math.sqrt(into));
  };
  const ref = (name: string) => ({ tensor: name });
  const spec: ExpertSpec =
    kind === 'swiglu'
      ? { kind, gate: ref('gate'), up: ref('up'), down: ref('down') }
      : {
          ...{ kind, first: ref('gate'), second: ref('down'), activation },
          ...(bias && { firstBias: ref('b1'), secondBias: ref('b2') }),
        };
  const source = {
    readFloat32(name: string, out: Float32Array, firstRow = 0) {
      const columns = sizes[name]?.[1] ?? 1;
      out.set(tensor(name).subarray(firstRow * columns, firstRow * columns + out.length));
    },
  };
  const graph = expertGraph(spec, hidden, width, precision);
  const session = await cpuSessions({ ms: 0 })(graph, new WeightStaging(source).gather(graph));
  const input = noise('x', rows * hidden);
  const got = (await session.run({ x: floats(input, [rows, hidden]) }))('y');
  await session.release();

  let border = 0.5;
  const product = (name: string, biasName: string) => {
    const [out, into] = sizes[name] as [number, number];
    const matrix = tensor(name);
    roundTrip(precision, matrix, into);
    const added = bias && kind === 'mlp' && biasName !== '' ? tensor(biasName) : new Float32Array(out);
    return (x: Float64Array) => {
      border = Math.min(border, distanceToBorder(x));
      const rounded = roundInputs(x);
      return Float64Array.from({ length: out }, (_, row) =>
        rounded.reduce((sum, value, i) => sum + value * (matrix[row * into + i] as number), added[row] as number),
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
  return { got: Array.from(got), wanted: wanted.flat(), border };
}

describe('experts at few bits', () => {
  it.each(PRECISIONS)(
    '%s: what plain loops over the rounded weights give, whatever the shape and kind',
    async (precision) => {
      await fc.assert(
        fc.asyncProperty(
          fc.record({
            hidden: fc.integer({ min: 1, max: 80 }),
            width: fc.integer({ min: 1, max: 80 }),
            rows: fc.constantFrom(1, 2, 5, 17),
            kind: fc.constantFrom('swiglu' as const, 'mlp' as const),
            bias: fc.boolean(),
            activation: fc.constantFrom('relu' as const, 'gelu' as const, 'gelu-tanh' as const, 'silu' as const),
            seed: fc.nat(1e6),
          }),
          async (shape) => {
            const { got, wanted, border } = await throughBoth(precision, shape);
            fc.pre(border > 1e-4);
            const largest = wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - (got[i] as number))), 0);
            expect(largest).toBeLessThan(2e-5);
          },
        ),
        { numRuns: 40 },
      );
    },
  );

  const FOLDER = 'test/fixtures/olmoe';
  const isExpert = (name: string) => name.includes('.experts.');
  const isDense = (name: string) => /_proj\.weight|lm_head/.test(name) && !isExpert(name);

  it.each(PRECISIONS.flatMap((precision) => (['experts', 'dense'] as const).map((part) => [precision, part] as const)))(
    '%s %s of a whole model: the logits and experts of a plain pass over the rounded weights',
    async (precision, part) => {
      const checkpoint = openCheckpoint(FOLDER);
      const input = readTensor(`${FOLDER}/io.safetensors`, 'input_ids');
      const length = input.shape.at(-1) as number;
      const ids = input.values.slice(0, length);
      const spec = readModelSpec(FOLDER, checkpoint);
      const setting = { experts: 'stored', dense: 'stored', [part]: precision } as const;
      const { logits, expertIds } = await forwardLogits(
        FOLDER,
        spec,
        checkpoint,
        { inputIds: [Int32Array.from(ids)] },
        setting,
      );
      checkpoint.close();
      const chosen = part === 'experts' ? isExpert : isDense;
      const lowBit = (name: string) => (chosen(name) ? precision : undefined);
      const wanted = referenceLlama(FOLDER, ids, { lowBit });
      expect(Array.from(expertIds)).toEqual(wanted.experts.flat(2));
      const flat = wanted.logits.flatMap((row) => Array.from(row));
      const largest = flat.reduce((most, value, i) => Math.max(most, Math.abs(value - (logits[i] as number))), 0);
      expect(largest).toBeLessThan(2e-3);
    },
  );

  it('an expert has the bytes of its codes, scales and zero points', () => {
    const checkpoint = openCheckpoint('models/demo-lm');
    const spec = readModelSpec('models/demo-lm', checkpoint);
    checkpoint.close();
    const [layer] = moeLayers(spec);
    if (layer === undefined) throw new Error('no experts');
    const values = 3 * 192 * 64;
    expect(expertBytes(layer, 192, 'fp32')).toBe(4 * values);
    expect(expertBytes(layer, 192, 'int8')).toBe(values + (values / 32) * 4);
    expect(expertBytes(layer, 192, 'int4')).toBe(values / 2 + (values / 32) * 4 + values / 64);
  });
});
