import { mkdirSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { type WritableTensor, writeSafetensors } from '../../engine/checkpoint/safetensors_write.ts';
import { accepts, fuzzRuns, refusal, scratchFolder } from './write_files.ts';

const folder = scratchFolder();
let files = 0;
function write(tensors: Record<string, WritableTensor>): Checkpoint {
  const made = path.join(folder, `${files++}`);
  mkdirSync(made);
  writeSafetensors(path.join(made, 'model.safetensors'), tensors);
  return openCheckpoint(made);
}

/** OCP 8-bit floating point E4M3 by its definition: S EEEE MMM, bias 7, S.1111.111 is NaN and nothing is infinite. */
function e4m3(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits & 0x78) >> 3;
  const fraction = bits & 7;
  if (exponent === 15 && fraction === 7) return Number.NaN;
  return exponent === 0 ? sign * 2 ** -6 * (fraction / 8) : sign * 2 ** (exponent - 7) * (1 + fraction / 8);
}

/** OCP FP4 E2M1 by its definition: S EE M, bias 1. */
function e2m1(code: number): number {
  const sign = code & 8 ? -1 : 1;
  const exponent = (code & 6) >> 1;
  const fraction = code & 1;
  return exponent === 0 ? sign * (fraction / 2) : sign * 2 ** (exponent - 1) * (1 + fraction / 2);
}

/** To the bit: -0 is not 0 here. (toEqual takes seconds for as many values.) */
function sameBits(a: Float32Array, b: Float32Array): boolean {
  const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength);
  return bytes(a).equals(bytes(b));
}

describe('F8_E4M3 with scales of 128x128 blocks', () => {
  it('reads all 256 codes', () => {
    const data = Uint8Array.from({ length: 256 }, (_, code) => code);
    const checkpoint = write({
      w: { dtype: 'F8_E4M3', shape: [1, 256], data },
      w_scale_inv: { dtype: 'F32', shape: [1, 2], data: Float32Array.of(1, 0.375) },
    });
    expect([...checkpoint.tensors.keys()]).toEqual(['w']);
    const values = checkpoint.readFloat32('w');
    const wanted = Float32Array.from(data, (code) => e4m3(code) * (code < 128 ? 1 : 0.375));
    expect(values.every((value, i) => Object.is(value, wanted[i]))).toBe(true);
    // Largest, smallest normal, smallest subnormal, NaN.
    expect([values[0x7e], values[0x08], values[0x01], values[0x7f]]).toEqual([448, 2 ** -6, 2 ** -9, Number.NaN]);
  });

  it("gives every row range of a matrix, or of a stack of them, its blocks' scales", () => {
    const sizes = fc.record({
      stack: fc.integer({ min: 1, max: 3 }),
      rows: fc.integer({ min: 1, max: 150 }),
      columns: fc.integer({ min: 1, max: 270 }),
      seed: fc.integer(),
    });
    fc.assert(
      fc.property(sizes, fc.double({ min: 0, max: 1, noNaN: true }), ({ stack, rows, columns, seed }, where) => {
        const data = Uint8Array.from(
          { length: stack * rows * columns },
          (_, i) => Math.imul(i + seed, 2_654_435_761) >>> 24,
        );
        const [down, across] = [Math.ceil(rows / 128), Math.ceil(columns / 128)];
        const scales = Float32Array.from({ length: stack * down * across }, (_, i) => 0.5 + i / 8);
        const checkpoint = write({
          'w.weight': { dtype: 'F8_E4M3', shape: [stack, rows, columns], data },
          'w.weight_scale_inv': { dtype: 'F32', shape: [stack, down, across], data: scales },
        });
        const first = Math.floor(where * (stack * rows - 1));
        const count = Math.min(stack * rows - first, 1 + (seed & 255));
        const values = checkpoint.readFloat32('w.weight', undefined, first, count);
        checkpoint.close();
        const wanted = Float32Array.from({ length: count * columns }, (_, i) => {
          const row = first + Math.floor(i / columns);
          const block = Math.floor(row / rows) * down + Math.floor((row % rows) / 128);
          const scale = scales[block * across + Math.floor((i % columns) / 128)] as number;
          return e4m3(data[first * columns + i] as number) * scale;
        });
        expect(sameBits(values, wanted)).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  it('refuses codes without scales, or with scales of another shape', () => {
    const w = { dtype: 'F8_E4M3', shape: [130, 4], data: new Uint8Array(520) } as const;
    expect(refusal(() => write({ w }).readFloat32('w'))).toMatch(/"w" is F8_E4M3 without "w_scale_inv"/);
    const scales = { dtype: 'F32', shape: [1, 1], data: Float32Array.of(1) } as const;
    expect(refusal(() => write({ w, w_scale_inv: scales }))).toMatch(/"w_scale_inv" are \[1, 1\].* calls for \[2, 1\]/);
  });
});

it('opens or refuses codes and scales of any shapes, and reads what it opened', () => {
  const tensor = fc.record({
    name: fc.constantFrom('x', 'x_blocks', 'x_scales', 'x_scale_inv', '_blocks', '_scales', '_scale_inv'),
    dtype: fc.constantFrom('U8', 'F8_E4M3'),
    shape: fc.array(fc.constantFrom(0, 1, 2, 16), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.array(tensor, { maxLength: 5 }), (drawn) => {
      const tensors: Record<string, WritableTensor> = {};
      for (const { name, dtype, shape } of drawn) {
        const data = new Uint8Array(shape.reduce<number>((product, dim) => product * dim, 1)).fill(127);
        tensors[name] = { dtype, shape, data } as WritableTensor;
      }
      accepts(() => {
        const checkpoint = write(tensors);
        for (const [name, { shape }] of checkpoint.tensors) {
          const count = shape.reduce((product, dim) => product * dim, 1);
          if (accepts(() => checkpoint.readFloat32(name))) expect(checkpoint.readFloat32(name).length).toBe(count);
        }
        checkpoint.close();
      });
    }),
    { numRuns: fuzzRuns(0.05) },
  );
});

describe('MXFP4', () => {
  it('reads all 16 codes, the low half of a byte first, under any scale', () => {
    const codes = Uint8Array.from({ length: 16 }, (_, i) => ((2 * i) % 16) | (((2 * i + 1) % 16) << 4));
    const exponents = Uint8Array.from({ length: 256 }, (_, i) => (127 + i) % 256);
    const checkpoint = write({
      x_blocks: {
        dtype: 'U8',
        shape: [2, 128, 16],
        data: Uint8Array.from({ length: 4096 }, (_, i) => codes[i % 16] as number),
      },
      x_scales: { dtype: 'U8', shape: [2, 128], data: exponents },
    });
    expect(checkpoint.tensors.get('x')).toMatchObject({ dtype: 'MXFP4', shape: [2, 4096] });
    expect(checkpoint.tensors.size).toBe(1);
    const values = checkpoint.readFloat32('x');
    const wanted = Float32Array.from({ length: 8192 }, (_, i) => {
      return e2m1(i % 16) * 2 ** ((exponents[Math.floor(i / 32)] as number) - 127);
    });
    expect(values.every((value, i) => Object.is(value, wanted[i]))).toBe(true);
    expect(Array.from(values.subarray(0, 16))).toEqual([
      0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6,
    ]);
  });

  it('gives every row range what the whole tensor has there, in pieces too', () => {
    const [rows, blocks] = [500, 80];
    const shape = [rows, blocks] as const;
    const data = Uint8Array.from({ length: rows * blocks * 16 }, (_, i) => Math.imul(i, 2_654_435_761) >>> 24);
    const scales = Uint8Array.from({ length: rows * blocks }, (_, i) => 120 + (i % 11));
    const checkpoint = write({
      x_blocks: { dtype: 'U8', shape: [...shape, 16], data },
      x_scales: { dtype: 'U8', shape, data: scales },
    });
    const columns = blocks * 32;
    const whole = checkpoint.readFloat32('x');
    for (const [first, count] of [
      [0, 1],
      [499, 1],
      [7, 490],
    ] as const) {
      const part = checkpoint.readFloat32('x', undefined, first, count);
      expect(sameBits(part, whole.subarray(first * columns, (first + count) * columns))).toBe(true);
    }
    const at = 321 * columns + 45;
    const byte = data[at >> 1] as number;
    expect(whole[at]).toBe(e2m1(byte >> 4) * 2 ** ((scales[Math.floor(at / 32)] as number) - 127));
  });

  it('leaves other tensors of such names alone, and refuses scales of another shape', () => {
    const plain = { dtype: 'U8', shape: [2, 8], data: new Uint8Array(16) } as const;
    const scales = { dtype: 'U8', shape: [2], data: new Uint8Array(2) } as const;
    expect(write({ x_blocks: plain, x_scales: scales }).tensors.size).toBe(2);
    const blocks = { dtype: 'U8', shape: [3, 16], data: new Uint8Array(48) } as const;
    expect(refusal(() => write({ x_blocks: blocks, x_scales: scales }))).toMatch(
      /"x_scales" are \[2\].* calls for \[3\]/,
    );
  });
});
