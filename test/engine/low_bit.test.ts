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
import { moeLayers } from '../../engine/families/spec.ts';
import { expertGraph } from '../../engine/graph/expert.ts';
import { anyShape, type ExpertShape, madeUpExpert, plainExpert } from './low_bit_expert.ts';
import { lowBitRows, roundTrip } from './low_bit_rounding.ts';
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

/** One expert of made-up weights through its session, and by plain loops over what few bits say of them. */
async function throughBoth(precision: LowBitPrecision, shape: ExpertShape) {
  const { hidden, width, rows } = shape;
  const { spec, source, input } = madeUpExpert(shape);
  const graph = expertGraph(spec, hidden, width, precision);
  const session = await cpuSessions({ ms: 0 })(graph, new WeightStaging(source).gather(graph));
  const got = (await session.run({ x: floats(input, [rows, hidden]) }))('y');
  await session.release();
  return { got: Array.from(got), ...plainExpert(precision, shape, 'rounded') };
}

describe('experts at few bits', () => {
  it.each(PRECISIONS)(
    '%s: what plain loops over the rounded weights give, whatever the shape and kind',
    async (precision) => {
      await fc.assert(
        fc.asyncProperty(anyShape(), async (shape) => {
          const { got, wanted, border } = await throughBoth(precision, shape);
          fc.pre(border > 1e-4);
          const largest = wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - (got[i] as number))), 0);
          expect(largest).toBeLessThan(2e-5);
        }),
        { numRuns: 40 },
      );
    },
  );

  const FOLDER = 'test/fixtures/olmoe';
  const isExpert = (name: string) => name.includes('.experts.');
  const isDense = (name: string) => /_proj\.weight|lm_head/.test(name) && !isExpert(name);

  it.each(
    [...PRECISIONS, 'fp16' as const].flatMap((precision) =>
      (['experts', 'dense'] as const).map((part) => [precision, part] as const),
    ),
  )(
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
      // As float16 the head stays as it is.
      const isHalf = (name: string) => isDense(name) && !(precision === 'fp16' && name.includes('lm_head'));
      const chosen = part === 'experts' ? isExpert : isHalf;
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
    expect(expertBytes(layer, 192, 'fp16')).toBe(2 * values);
    expect(expertBytes(layer, 192, 'int8')).toBe(values + (values / 32) * 4);
    expect(expertBytes(layer, 192, 'int4')).toBe(values / 2 + (values / 32) * 4 + values / 64);
  });
});
