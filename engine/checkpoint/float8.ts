/** Side of the blocks of an 8-bit matrix that share a scale. */
export const FLOAT8_BLOCK = 128;

let values: Float32Array | undefined;

/**
 * Value of every F8_E4M3 pattern: sign, 4 bits of exponent (bias 7), 3 of fraction; the lowest exponent has no leading one; no
 * infinities, all ones is NaN.
 */
function float8Values(): Float32Array {
  values ??= Float32Array.from({ length: 256 }, (_, bits) => {
    const exponent = (bits >> 3) & 15;
    const fraction = (bits & 7) / 8;
    if (exponent === 15 && fraction === 7 / 8) return Number.NaN;
    const value = exponent === 0 ? fraction * 2 ** -6 : (1 + fraction) * 2 ** (exponent - 7);
    return bits >> 7 === 0 ? value : -value;
  });
  return values;
}

/**
 * Part of one row of an 8-bit matrix to float32: value times the scale of its block.
 * @param codes stored elements from column `column` on
 * @param scales of the row's blocks, from the matrix's first column on
 */
export function float8Row(codes: Uint8Array, column: number, scales: Float32Array, out: Float32Array): void {
  const table = float8Values();
  for (let from = 0; from < codes.length; ) {
    const block = Math.floor((column + from) / FLOAT8_BLOCK);
    const scale = scales[block] as number;
    const end = Math.min(codes.length, (block + 1) * FLOAT8_BLOCK - column);
    for (; from < end; from++) out[from] = (table[codes[from] as number] as number) * scale;
  }
}
