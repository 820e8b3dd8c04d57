import type { PrecisionName } from '../protocol/settings.ts';

/** What a device's weights are, once a setting is resolved for it. */
export type WeightPrecision = Exclude<PrecisionName, 'stored'>;
export type LowBitPrecision = Extract<WeightPrecision, 'int8' | 'int4'>;

/** Consecutive values of a row that share a scale: the block size that ONNX Runtime's kernels are fastest with. */
export const BLOCK = 32;

/**
 * A low-bit matrix [rows, columns] is three stretches of bytes, as the operator MatMulNBits reads them, B = ceil(columns / 32):
 *   codes   u8, two a byte at 4 bits (the even column low) [rows, B, 32 * bits / 8]
 *   scales  f32 [rows, B]
 *   zeros   u8, two a byte, a byte begun for every row [rows, ceil(B / 2)]; none at 8 bits
 * value = (code - zero) * scale. At 8 bits zero is 128 and the scale the block's largest magnitude over 127. At 4 bits a block has
 * a zero point of its own: on normal values 26% less squared error than with a fixed one, for 2.5% more bytes, at the same speed.
 * Columns that the last block lacks are zeros.
 */
export interface LowBitBytes {
  readonly codes: number;
  readonly scales: number;
  readonly zeros: number;
}

export const bitsOf = (precision: LowBitPrecision): 4 | 8 => (precision === 'int4' ? 4 : 8);
export const blocksOf = (columns: number): number => Math.ceil(columns / BLOCK);

export function lowBitBytes(precision: LowBitPrecision, rows: number, columns: number): LowBitBytes {
  const blocks = blocksOf(columns);
  return {
    codes: rows * blocks * (precision === 'int4' ? BLOCK / 2 : BLOCK),
    scales: rows * blocks * 4,
    zeros: precision === 'int4' ? rows * Math.ceil(blocks / 2) : 0,
  };
}

/** The smallest float32 that keeps all its digits: a block under it is zeros, off by 2e-36 at most. */
const SMALLEST_SCALE = 2 ** -126;

export interface LowBitRows {
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
  /** Empty at 8 bits. */
  readonly zeros: Uint8Array;
}

/**
 * Rounds every value to the nearest that its block can say: off by half a scale at most.
 * A block with a value that is not finite becomes zeros.
 * @param values [rows, columns]
 * @returns how many blocks held a value that is not finite
 */
export function quantiseRows(
  precision: LowBitPrecision,
  values: Float32Array,
  columns: number,
  { codes, scales, zeros }: LowBitRows,
): number {
  const rows = values.length / columns;
  const blocks = blocksOf(columns);
  const half = precision === 'int4';
  const zeroBytes = Math.ceil(blocks / 2);
  let broken = 0;
  for (let row = 0, block = 0; row < rows; row++) {
    const rowEnd = (row + 1) * columns;
    for (let index = 0; index < blocks; index++, block++) {
      const from = row * columns + index * BLOCK;
      const to = Math.min(from + BLOCK, rowEnd);
      let low = 0;
      let high = 0;
      // Not finite where a value is not: comparisons pass over what is no number.
      let sum = 0;
      for (let at = from; at < to; at++) {
        const value = values[at] as number;
        if (value < low) low = value;
        if (value > high) high = value;
        sum += value;
      }
      // As the kernel has it: the code must be nearest under the rounded scale.
      let scale = Math.fround(half ? (high - low) / 15 : Math.max(high, -low) / 127);
      if (scale < SMALLEST_SCALE) scale = 0;
      if (!Number.isFinite(sum)) {
        scale = 0;
        broken++;
      }
      const inverse = scale === 0 ? 0 : 1 / scale;
      scales[block] = scale;
      if (half) {
        const zero = scale === 0 ? 8 : Math.round(-low * inverse);
        const place = row * zeroBytes + (index >> 1);
        zeros[place] = (index & 1) === 0 ? zero : (zeros[place] as number) | (zero << 4);
        packNibbles(values, from, to, inverse, zero, codes, block * (BLOCK / 2));
      } else {
        packBytes(values, from, to, inverse, codes, block * BLOCK);
      }
    }
  }
  return broken;
}

/** Adding the zero point and a half before cutting off rounds to nearest without a call: what is cut is never negative. */
function packNibbles(
  values: Float32Array,
  from: number,
  to: number,
  inverse: number,
  zero: number,
  codes: Uint8Array,
  at: number,
): void {
  const offset = zero + 0.5;
  codes.fill(zero * 17, at, at + BLOCK / 2);
  let place = at;
  for (let i = from; i < to; i += 2) {
    let even = ((values[i] as number) * inverse + offset) | 0;
    if (even > 15) even = 15;
    let odd = i + 1 < to ? ((values[i + 1] as number) * inverse + offset) | 0 : zero;
    if (odd > 15) odd = 15;
    codes[place++] = even | (odd << 4);
  }
}

function packBytes(
  values: Float32Array,
  from: number,
  to: number,
  inverse: number,
  codes: Uint8Array,
  at: number,
): void {
  codes.fill(128, at, at + BLOCK);
  for (let i = from, place = at; i < to; i++, place++) codes[place] = ((values[i] as number) * inverse + 128.5) | 0;
}

/** Values of low-bit rows, for checks. @param out [rows, columns] */
export function dequantiseRows(
  precision: LowBitPrecision,
  { codes, scales, zeros }: LowBitRows,
  columns: number,
  out: Float32Array,
): void {
  const rows = out.length / columns;
  const blocks = blocksOf(columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const block = row * blocks + (column >> 5);
      const within = column & (BLOCK - 1);
      const scale = scales[block] as number;
      if (precision === 'int8') {
        out[row * columns + column] = ((codes[block * BLOCK + within] as number) - 128) * scale;
        continue;
      }
      const pair = codes[(block * BLOCK + within) >> 1] as number;
      const index = column >> 5;
      const zero = (zeros[row * Math.ceil(blocks / 2) + (index >> 1)] as number) >> ((index & 1) * 4);
      out[row * columns + column] = (((pair >> ((column & 1) * 4)) & 15) - (zero & 15)) * scale;
    }
  }
}
