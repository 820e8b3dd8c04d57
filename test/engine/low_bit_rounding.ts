import {
  BLOCK,
  dequantiseRows,
  type LowBitPrecision,
  type LowBitRows,
  lowBitBytes,
  quantiseRows,
} from '../../engine/checkpoint/block_quantise.ts';

export function lowBitRows(precision: LowBitPrecision, rows: number, columns: number): LowBitRows {
  const bytes = lowBitBytes(precision, rows, columns);
  return {
    codes: new Uint8Array(bytes.codes),
    scales: new Float32Array(bytes.scales / 4),
    zeros: new Uint8Array(bytes.zeros),
  };
}

/** Rows to few bits and back, in place. */
export function roundTrip(precision: LowBitPrecision, values: Float32Array, columns: number): LowBitRows {
  const rows = lowBitRows(precision, values.length / columns, columns);
  quantiseRows(precision, values, columns, rows);
  dequantiseRows(precision, rows, columns, values);
  return rows;
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
