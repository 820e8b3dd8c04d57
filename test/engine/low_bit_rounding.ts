import {
  BLOCK,
  dequantiseRows,
  type LowBitPrecision,
  type LowBitRows,
  lowBitBytes,
  quantiseRows,
} from '../../engine/checkpoint/block_quantise.ts';
import { toFloat32 } from '../../engine/checkpoint/dtype.ts';
import { toFloat16 } from '../../engine/checkpoint/float16.ts';

export function lowBitRows(precision: LowBitPrecision, rows: number, columns: number): LowBitRows {
  const bytes = lowBitBytes(precision, rows, columns);
  return {
    codes: new Uint8Array(bytes.codes),
    scales: new Float32Array(bytes.scales / 4),
    zeros: new Uint8Array(bytes.zeros),
  };
}

/** To float16 and back, in place. */
export function roundToHalves(values: Float32Array): void {
  const halves = new Uint16Array(values.length);
  toFloat16(values, halves);
  toFloat32('F16', new Uint8Array(halves.buffer), values);
}

/** Rows to few bits and back, in place. */
export function roundTrip(precision: LowBitPrecision, values: Float32Array, columns: number): LowBitRows {
  const rows = lowBitRows(precision, values.length / columns, columns);
  quantiseRows(precision, values, columns, rows);
  dequantiseRows(precision, rows, columns, values);
  return rows;
}

/**
 * How far an input lies, in steps, from the border between two codes, the nearest of them all: on it, float32 and double
 * arithmetic may choose different codes, and results differ by a step for no fault of either.
 */
export function distanceToBorder(x: Float64Array): number {
  let nearest = 0.5;
  for (let from = 0; from < x.length; from += BLOCK) {
    const block = x.subarray(from, from + BLOCK);
    const scale = block.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
    if (scale === 0) continue;
    for (const value of block) {
      const codes = Math.abs(value / scale);
      nearest = Math.min(nearest, Math.abs(codes - Math.floor(codes) - 0.5));
    }
  }
  return nearest;
}

/** What ONNX Runtime's kernels make of a product's input at accuracy level 4: 8 bits with a sign, a scale for each block. */
export function roundInputs(x: Float64Array): Float64Array {
  const out = new Float64Array(x.length);
  for (let from = 0; from < x.length; from += BLOCK) {
    const block = x.subarray(from, from + BLOCK);
    const scale = block.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
    for (const [i, value] of block.entries()) out[from + i] = scale === 0 ? 0 : Math.round(value / scale) * scale;
  }
  return out;
}
