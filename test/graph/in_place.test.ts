import { describe, expect, test } from 'vitest';
import { cpuSessions } from '../../engine/device/cpu/session.ts';
import { floats } from '../../engine/device/tensors.ts';
import { WeightStaging } from '../../engine/device/weights.ts';
import type { ExpertSpec, WeightRef } from '../../engine/families/spec.ts';
import { expertGraph } from '../../engine/graph/expert.ts';
import { GraphBuilder } from '../../engine/graph/onnx.ts';
import { graphParts, linear } from '../../engine/graph/parts.ts';
import { WeightBlob } from '../../engine/graph/weight_blob.ts';

/** The smallest matrices that are used in place, and token counts on both sides of the border between columns and rows. */
const WIDTH = 512;
const COUNTS = [1, 2, 32, 33];

const meter = { ms: 0 };
const make = cpuSessions(meter);
const value = (tensor: string, index: number) => Math.sin(index * 0.37 + tensor.length * 1.7) * 0.05;
const source = {
  readFloat32: (tensor: string, out: Float32Array) => {
    for (let i = 0; i < out.length; i++) out[i] = value(tensor, i);
  },
};
const ref = (tensor: string): WeightRef => ({ tensor });
const tokens = (count: number) => Float32Array.from({ length: count * WIDTH }, (_, i) => Math.cos(i * 0.11));

/** W x (+ b) of one token in double precision. */
function times(tensor: string, rows: number, x: readonly number[], bias?: string): number[] {
  return Array.from({ length: rows }, (_, row) => {
    let sum = bias === undefined ? 0 : Math.fround(value(bias, row));
    for (const [column, entry] of x.entries()) sum += Math.fround(value(tensor, row * x.length + column)) * entry;
    return sum;
  });
}

const silu = (x: number, alpha = 1) => x / (1 + Math.exp(-alpha * x));

const KINDS: { readonly spec: ExpertSpec; readonly of: (x: readonly number[]) => number[] }[] = [
  {
    spec: { kind: 'swiglu', gate: ref('g'), up: ref('up'), down: ref('dow') },
    of(x) {
      const up = times('up', WIDTH, x);
      const inner = times('g', WIDTH, x).map((gate, i) => silu(gate) * (up[i] as number));
      return times('dow', WIDTH, inner);
    },
  },
  {
    spec: {
      ...{ kind: 'mlp', activation: 'relu', first: ref('1'), second: ref('22') },
      ...{ firstBias: ref('333'), secondBias: ref('4444') },
    },
    of: (x) =>
      times(
        '22',
        WIDTH,
        times('1', WIDTH, x, '333').map((inner) => Math.max(0, inner)),
        '4444',
      ),
  },
  {
    spec: {
      ...{ kind: 'clamped-swiglu', gateUp: ref('gu'), gateUpBias: ref('bgu'), down: ref('d'), downBias: ref('bias') },
      ...{ limit: 0.4, alpha: 1.702 },
    },
    of(x) {
      const both = times('gu', 2 * WIDTH, x, 'bgu');
      const inner = Array.from({ length: WIDTH }, (_, i) => {
        const gate = Math.min(both[2 * i] as number, 0.4);
        const up = Math.min(Math.max(both[2 * i + 1] as number, -0.4), 0.4);
        return (up + 1) * silu(gate, 1.702);
      });
      return times('d', WIDTH, inner, 'bias');
    },
  },
];

describe('large matrices used in place', () => {
  test.each(KINDS)('a $spec.kind expert is the same for few tokens and for many', async ({ spec, of }) => {
    const graph = expertGraph(spec, WIDTH, WIDTH, 'fp32');
    expect(graph.inPlace).toBe(true);
    const session = await make(graph, new WeightStaging(source).gather(graph));
    const wanted = of([...tokens(1)]);
    for (const count of COUNTS) {
      const output = (await session.run({ x: floats(tokens(count), [count, WIDTH]) }))('y');
      expect(output.length).toBe(count * WIDTH);
      for (let i = 0; i < WIDTH; i++)
        expect(Math.abs((output[i] as number) - (wanted[i] as number))).toBeLessThan(1e-5);
      const last = of([...tokens(count).subarray((count - 1) * WIDTH)]);
      for (let i = 0; i < WIDTH; i++)
        expect(Math.abs((output.at(i - WIDTH) as number) - (last[i] as number))).toBeLessThan(1e-5);
    }
    await session.release();
  });

  test.each([
    [1, 1],
    [3, 2],
    [2, 20],
  ])('tokens of %i rows of %i keep their places', async (rows, length) => {
    const builder = new GraphBuilder();
    const blob = new WeightBlob(builder);
    builder.input('x', 'float32', ['B', 'S', WIDTH]);
    const spec = { weight: ref('w'), bias: ref('bb'), inFeatures: WIDTH, outFeatures: 2 * WIDTH };
    linear(graphParts(builder, blob, WIDTH, 'fp32'), 'w', spec, 'x', 'y');
    builder.output('y', 'float32', ['B', 'S', 2 * WIDTH]);
    const graph = blob.finish();
    const session = await make(graph, new WeightStaging(source).gather(graph));
    const x = tokens(rows * length);
    const y = (await session.run({ x: floats(x, [rows, length, WIDTH]) }))('y');
    for (const token of new Set([0, length - 1, length, rows * length - 1].filter((at) => at < rows * length))) {
      const wanted = times('w', 2 * WIDTH, [...x.subarray(token * WIDTH, (token + 1) * WIDTH)], 'bb');
      for (const [i, entry] of wanted.entries())
        expect(Math.abs((y[token * 2 * WIDTH + i] as number) - entry)).toBeLessThan(1e-5);
    }
    await session.release();
  });

  test('small matrices and few bits are packed', () => {
    const [{ spec }] = KINDS as [(typeof KINDS)[number]];
    expect(expertGraph(spec, WIDTH, WIDTH / 2, 'fp32').inPlace).toBe(false);
    expect(expertGraph(spec, WIDTH, WIDTH, 'int4').inPlace).toBe(false);
  });
});
