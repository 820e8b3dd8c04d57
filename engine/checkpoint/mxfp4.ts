/** Values that share a scale. */
export const MXFP4_BLOCK = 32;

/** FP4 (E2M1) codes 0 to 7; 8 to 15 are their negatives. */
const MAGNITUDES = [0, 0.5, 1, 1.5, 2, 3, 4, 6] as const;

interface Tables {
  /** By byte: the value of its low and of its high half. */
  readonly low: Float32Array;
  readonly high: Float32Array;
  /** By stored exponent; beyond float32 at both ends, therefore doubles. */
  readonly scales: Float64Array;
}

let tables: Tables | undefined;

function makeTables(): Tables {
  const value = (code: number) => (code < 8 ? 1 : -1) * (MAGNITUDES[code & 7] as number);
  return {
    low: Float32Array.from({ length: 256 }, (_, byte) => value(byte & 15)),
    high: Float32Array.from({ length: 256 }, (_, byte) => value(byte >> 4)),
    scales: Float64Array.from({ length: 256 }, (_, exponent) => 2 ** (exponent - 127)),
  };
}

/**
 * MXFP4 to float32: a byte holds two FP4 values, the low half first; 32 values are multiplied by 2^(scale - 127).
 * @param blocks 16 bytes a block
 * @param exponents a stored scale a block
 * @param out 32 floats a block
 */
export function unpackMxfp4(blocks: Uint8Array, exponents: Uint8Array, out: Float32Array): void {
  tables ??= makeTables();
  const { low, high, scales } = tables;
  const half = MXFP4_BLOCK / 2;
  for (let block = 0; block < exponents.length; block++) {
    const scale = scales[exponents[block] as number] as number;
    const end = (block + 1) * half;
    for (let i = block * half; i < end; i++) {
      const byte = blocks[i] as number;
      out[2 * i] = (low[byte] as number) * scale;
      out[2 * i + 1] = (high[byte] as number) * scale;
    }
  }
}
