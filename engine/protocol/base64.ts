/**
 * Base64 (RFC 4648, section 4) of typed arrays, little-endian, for columns inside JSON lines. Ours, because `Buffer` is not in
 * browsers, `Uint8Array.fromBase64` in neither of our runtimes, and `btoa` wants a string first (8 times slower).
 */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PAD = 61;
const INVALID = 255;

const TO_CODE = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0));
const FROM_CODE = new Uint8Array(256).fill(INVALID);
for (const [value, code] of TO_CODE.entries()) FROM_CODE[code] = value;
/** Two letters for every 12 bits, first letter in the low byte. */
const PAIRS = Uint16Array.from({ length: 4096 }, (_, bits) => code(bits >> 6) | (code(bits & 63) << 8));

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function code(value: number): number {
  return TO_CODE[value] as number;
}

/** The bytes of an array's elements as base64. */
export function toBase64(array: ArrayBufferView): string {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const letters = new Uint16Array(Math.ceil(bytes.length / 3) * 2);
  const whole = bytes.length - (bytes.length % 3);
  let at = 0;
  for (let i = 0; i < whole; i += 3) {
    const bits = ((bytes[i] as number) << 16) | ((bytes[i + 1] as number) << 8) | (bytes[i + 2] as number);
    letters[at++] = PAIRS[bits >> 12] as number;
    letters[at++] = PAIRS[bits & 4095] as number;
  }
  const rest = bytes.length - whole;
  if (rest > 0) {
    const bits = ((bytes[whole] as number) << 16) | ((bytes[whole + 1] ?? 0) << 8);
    letters[at++] = PAIRS[bits >> 12] as number;
    letters[at++] = rest === 1 ? PAD | (PAD << 8) : code((bits >> 6) & 63) | (PAD << 8);
  }
  return decoder.decode(letters);
}

/**
 * @returns the bytes, at the start of a buffer of their own (aligned for every element type)
 * @throws RangeError for text that `toBase64` does not write
 */
export function fromBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0) throw new RangeError('base64 text is not a multiple of 4 letters');
  const letters = new Uint8Array(text.length);
  // A letter outside ASCII takes more than one byte of UTF-8 and does not fit.
  if (encoder.encodeInto(text, letters).read !== text.length) throw new RangeError('base64 text has foreign letters');
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  letters.fill(code(0), letters.length - padding);
  const bytes = new Uint8Array((letters.length / 4) * 3);
  let seen = 0;
  for (let i = 0, at = 0; i < letters.length; i += 4) {
    const a = FROM_CODE[letters[i] as number] as number;
    const b = FROM_CODE[letters[i + 1] as number] as number;
    const c = FROM_CODE[letters[i + 2] as number] as number;
    const d = FROM_CODE[letters[i + 3] as number] as number;
    seen |= a | b | c | d;
    const bits = (a << 18) | (b << 12) | (c << 6) | d;
    bytes[at++] = bits >> 16;
    bytes[at++] = bits >> 8;
    bytes[at++] = bits;
  }
  if (seen > 63) throw new RangeError('base64 text has foreign letters');
  return bytes.subarray(0, bytes.length - padding);
}

const ARRAYS = {
  u8: Uint8Array,
  u16: Uint16Array,
  u32: Uint32Array,
  i32: Int32Array,
  f32: Float32Array,
  f64: Float64Array,
} as const;
export type ElementName = keyof typeof ARRAYS;
export type ArrayOf<T extends ElementName> = InstanceType<(typeof ARRAYS)[T]>;

/**
 * A typed array from its base64.
 * @param length elements expected
 * @throws RangeError where it holds another number of elements
 */
export function arrayFromBase64<T extends ElementName>(type: T, text: string, length?: number): ArrayOf<T> {
  const bytes = fromBase64(text);
  const ArrayType = ARRAYS[type];
  const elements = bytes.length / ArrayType.BYTES_PER_ELEMENT;
  if (!Number.isInteger(elements) || (length !== undefined && elements !== length)) {
    throw new RangeError(`${elements} elements where ${length ?? 'a whole number of them'} were expected`);
  }
  return new ArrayType(bytes.buffer as ArrayBuffer, bytes.byteOffset, elements) as ArrayOf<T>;
}
