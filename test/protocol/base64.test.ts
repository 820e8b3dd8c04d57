import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrayFromBase64, fromBase64, toBase64 } from '../../engine/protocol/base64.ts';

describe('base64', () => {
  it('agrees with the reference, both ways', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = toBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64'));
        expect(fromBase64(text)).toEqual(bytes);
      }),
    );
  });

  it('carries the elements of a view, bit for bit', () => {
    const whole = Float32Array.of(0, Number.NaN, -0, 1e-45, Number.POSITIVE_INFINITY);
    expect(arrayFromBase64('f32', toBase64(whole.subarray(1)))).toEqual(whole.subarray(1));
    expect(arrayFromBase64('u16', toBase64(Uint16Array.of(65535, 1)), 2)).toEqual(Uint16Array.of(65535, 1));
    expect(arrayFromBase64('f64', '')).toEqual(new Float64Array(0));
  });

  it('refuses foreign text and wrong lengths', () => {
    for (const text of ['A', 'AAA', 'A===', '====', 'AA=A', 'AAé=', 'AA\n=', 'AAA-', '😀']) {
      expect(() => fromBase64(text), text).toThrow(RangeError);
    }
    expect(() => arrayFromBase64('u16', 'AAAA')).toThrow(RangeError);
    expect(() => arrayFromBase64('u8', 'AAAA', 4)).toThrow(RangeError);
  });
});
