import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toFloat32, toInt32 } from '../../engine/checkpoint/dtype.ts';

const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

function convert(
  dtype: Parameters<typeof toFloat32>[0],
  array: ArrayBufferView & { readonly length: number },
): number[] {
  const out = new Float32Array(array.length);
  toFloat32(dtype, bytesOf(array), out);
  return [...out];
}

/** IEEE 754 binary16 by its definition. */
function half(bits: number): number {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * 2 ** -14 * fraction : sign * 2 ** (exponent - 15) * (1 + fraction);
}

describe('toFloat32', () => {
  it('widens every bf16 pattern to the float with those upper bits', () => {
    const all = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
    const out = new Float32Array(all.length);
    toFloat32('BF16', bytesOf(all), out);
    expect(new Uint32Array(out.buffer).every((word, bits) => word === bits * 65_536)).toBe(true);
    expect([...out.subarray(0x3f80, 0x3f81), ...out.subarray(0xc000, 0xc001)]).toEqual([1, -2]);
  });

  it('widens every half pattern', () => {
    const all = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
    expect(convert('F16', all).every((value, bits) => Object.is(value, half(bits)))).toBe(true);
    // Known values: smallest subnormal, smallest normal, largest, one third.
    expect(convert('F16', Uint16Array.of(1, 0x0400, 0x7bff, 0x3555))).toEqual([
      2 ** -24,
      2 ** -14,
      65_504,
      0.333251953125,
    ]);
  });

  it('rounds doubles and integers as Math.fround does', () => {
    fc.assert(
      fc.property(fc.float64Array(), fc.bigInt64Array(), fc.int32Array(), (doubles, longs, ints) => {
        expect(convert('F64', doubles)).toEqual([...doubles].map(Math.fround));
        expect(convert('I64', longs)).toEqual([...longs].map((long) => Math.fround(Number(long))));
        expect(convert('I32', ints)).toEqual([...ints].map(Math.fround));
      }),
    );
    expect(convert('U64', BigUint64Array.of(2n ** 64n - 1n))).toEqual([2 ** 64]);
    expect(convert('I8', Int8Array.of(-128, 127))).toEqual([-128, 127]);
    expect(convert('I16', Int16Array.of(-32_768))).toEqual([-32_768]);
    expect(convert('U16', Uint16Array.of(65_535))).toEqual([65_535]);
    expect(convert('U32', Uint32Array.of(4_294_967_040))).toEqual([4_294_967_040]);
    expect(convert('U8', Uint8Array.of(200))).toEqual([200]);
    expect(convert('BOOL', Uint8Array.of(1, 0))).toEqual([1, 0]);
    expect(convert('F32', Float32Array.of(-0, 1e-45))).toEqual([-0, 1.401298464324817e-45]);
  });

  it('does not pretend to read 8-bit floats', () => {
    expect(() => convert('F8_E4M3', Uint8Array.of(1))).toThrow(RangeError);
  });
});

describe('toInt32', () => {
  it('keeps whole numbers and refuses those that do not fit', () => {
    expect(toInt32('I64', bytesOf(BigInt64Array.of(-(2n ** 31n), 50_279n)))).toEqual(Int32Array.of(-(2 ** 31), 50_279));
    expect(toInt32('U16', bytesOf(Uint16Array.of(65_535)))).toEqual(Int32Array.of(65_535));
    expect(() => toInt32('I64', bytesOf(BigInt64Array.of(2n ** 31n)))).toThrow(RangeError);
    expect(() => toInt32('U32', bytesOf(Uint32Array.of(2 ** 31)))).toThrow(RangeError);
    expect(() => toInt32('F32', bytesOf(Float32Array.of(1)))).toThrow(RangeError);
  });
});
