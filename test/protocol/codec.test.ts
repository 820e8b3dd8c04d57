import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from '../../engine/protocol/codec.ts';

const typedArray = fc.oneof(
  fc.int8Array(),
  fc.uint8Array(),
  fc.uint8ClampedArray(),
  fc.int16Array(),
  fc.uint16Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.bigUint64Array(),
);
// Numbers as JSON keeps them: NaN and the infinities become null, -0 becomes 0.
const plainNumber = fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0);
const message = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    typedArray,
    fc.string({ unit: 'binary' }),
    plainNumber,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('__proto__', 'value', 'arrays', 'length', 'constructor')),
      tie('value'),
      {
        maxKeys: 4,
        noNullPrototype: true,
      },
    ),
  ),
})).value;

describe('codec', () => {
  it('carries nested values with every kind of typed array', () => {
    fc.assert(
      fc.property(message, (value) => {
        expect(decodeMessage(encodeMessage(value))).toEqual(value);
      }),
      { numRuns: 300 },
    );
  });

  it('reads a message that lies at an odd place in a larger buffer', () => {
    const value = { a: Float64Array.of(1, 2, 3), b: [BigInt64Array.of(-7n)] };
    const encoded = encodeMessage(value);
    const pool = new Uint8Array(encoded.length + 16);
    pool.set(encoded, 3);
    expect(decodeMessage(pool.subarray(3, 3 + encoded.length))).toEqual(value);
  });

  it('sends a view as its own elements only, and a Buffer as bytes', () => {
    const whole = Float32Array.of(1, 2, 3, 4);
    const decoded = decodeMessage(encodeMessage({ part: whole.subarray(1, 3), bytes: Buffer.from('hi') }));
    expect(decoded).toEqual({ part: Float32Array.of(2, 3), bytes: Uint8Array.of(104, 105) });
  });

  it('leaves out undefined fields', () => {
    expect(decodeMessage(encodeMessage({ a: undefined, b: 1 }))).toEqual({ b: 1 });
    expect(Object.keys(decodeMessage(encodeMessage({ a: undefined, b: 1 })) as object)).toEqual(['b']);
  });

  it('refuses to send what would arrive as something else', () => {
    expect(() => encodeMessage({ f: () => 1 })).toThrow(TypeError);
    expect(() => encodeMessage({ buffer: new ArrayBuffer(8) })).toThrow(TypeError);
    expect(() => encodeMessage({ view: new DataView(new ArrayBuffer(8)) })).toThrow(TypeError);
    expect(() => encodeMessage({ n: 1n })).toThrow(TypeError);
  });

  it('throws, and reads nothing outside, for damaged messages', () => {
    const whole = encodeMessage({ step: Int32Array.of(1, 2, 3), text: ['a', { b: Uint16Array.of(9) }] });
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: whole.length - 1 }),
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: whole.length }),
        (at, byte, length) => {
          const damaged = whole.slice(0, length);
          if (at < length) damaged[at] = byte;
          let decoded: unknown;
          try {
            decoded = decodeMessage(damaged);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
            return;
          }
          // What still decodes is at most as large as what was sent.
          expect(encodeMessage(decoded).length).toBeLessThanOrEqual(whole.length + 64);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('follows no path out of the value', () => {
    const forge = (path: unknown, value: unknown = {}) => {
      const head = new TextEncoder().encode(JSON.stringify({ value, arrays: [[path, 'Uint8Array', 0, 0]] }));
      const bytes = new Uint8Array(4 + head.length);
      new DataView(bytes.buffer).setUint32(0, head.length, true);
      bytes.set(head, 4);
      return bytes;
    };
    expect(decodeMessage(forge(['a'], { a: null }))).toEqual({ a: new Uint8Array(0) });
    for (const path of [['__proto__'], ['constructor', 'prototype'], ['a', 'b'], 'a', [['a']]]) {
      expect(() => decodeMessage(forge(path, { a: 1 }))).toThrow(Error);
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
