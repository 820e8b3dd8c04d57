import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toFloat32 } from '../../engine/checkpoint/dtype.ts';
import { toFloat16 } from '../../engine/checkpoint/float16.ts';

function halves(values: Float32Array): { bits: Uint16Array; back: Float32Array; broken: number } {
  const bits = new Uint16Array(values.length);
  const broken = toFloat16(values, bits);
  const back = new Float32Array(values.length);
  toFloat32('F16', new Uint8Array(bits.buffer), back);
  return { bits, back, broken };
}

describe('float16', () => {
  it('every pattern comes back as it was', () => {
    const all = Uint16Array.from({ length: 65_536 }, (_, bits) => bits).filter((bits) => (bits & 0x7c00) !== 0x7c00);
    const values = new Float32Array(all.length);
    toFloat32('F16', new Uint8Array(all.buffer), values);
    const { bits, broken } = halves(values);
    expect(broken).toBe(0);
    expect(bits.findIndex((half, at) => half !== all[at])).toBe(-1);
  });

  it('halfway between two neighbours the even one is taken, and beside it the nearer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x7bfe }), fc.boolean(), (bits, negative) => {
        const pair = Uint16Array.of(bits, bits + 1);
        const ends = new Float32Array(2);
        toFloat32('F16', new Uint8Array(pair.buffer), ends);
        const [low, high] = ends as unknown as [number, number];
        const sign = negative ? -1 : 1;
        const middle = (low + high) / 2;
        const values = Float32Array.of(middle, middle * (1 - 2 ** -20), middle * (1 + 2 ** -20));
        const even = (bits & 1) === 0 ? bits : bits + 1;
        const wanted = [even, bits, bits + 1].map((half) => half | (negative ? 0x8000 : 0));
        expect(Array.from(halves(values.map((value) => sign * value)).bits)).toEqual(wanted);
      }),
    );
  });

  it('keeps a BF16 value as it is from 6.1e-5 up, and is off by 3e-8 at most below', () => {
    const bf16 = fc
      .integer({ min: 0, max: 0x477f })
      .map((upper) => new Float32Array(Uint32Array.of(upper << 16).buffer));
    fc.assert(
      fc.property(bf16, (value) => {
        const error = Math.abs((halves(value).back[0] as number) - (value[0] as number));
        expect(error).toBeLessThanOrEqual((value[0] as number) >= 2 ** -14 ? 0 : 2 ** -25);
      }),
    );
  });

  it('tells of what it cannot say', () => {
    const values = Float32Array.of(65_504, 65_519, 65_520, -1e9, Number.NaN, Number.NEGATIVE_INFINITY, 0, -0);
    const { back, broken, bits } = halves(values);
    expect(broken).toBe(4);
    expect(Array.from(back)).toEqual([65_504, 65_504, ...[1, -1, Number.NaN, -1].map((x) => x * Infinity), 0, -0]);
    expect(bits[7]).toBe(0x8000);
  });
});
