/** Magnitudes of float32, as words: what rounds to infinity, and the smallest that keeps all of float16's digits. */
const INFINITE = 0x477ff000;
const NORMAL = 0x38800000;
/** Between the exponents' zero points, 127 and 15. */
const REBIAS = (127 - 15) << 23;
/** Adding and taking it away rounds a double to the nearest whole number, ties to even. */
const ROUNDING = 2 ** 52;

/**
 * Rounds to the nearest float16, ties to even. Every BF16 from 6.1e-5 up is kept as it is: float16 has three more digits.
 * @param out as many as `values`, bit patterns
 * @returns how many are too large for it (65,520 and up) or not finite; they become infinite or no number
 */
export function toFloat16(values: Float32Array, out: Uint16Array): number {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const { length } = words;
  let broken = 0;
  for (let at = 0; at < length; at++) {
    const word = words[at] as number;
    const sign = (word >>> 16) & 0x8000;
    const magnitude = word & 0x7fffffff;
    if (magnitude >= INFINITE) {
      broken++;
      out[at] = sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
    } else if (magnitude >= NORMAL) {
      out[at] = sign | ((magnitude - REBIAS + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
    } else {
      out[at] = sign | (Math.abs(values[at] as number) * 2 ** 24 + ROUNDING - ROUNDING);
    }
  }
  return broken;
}
