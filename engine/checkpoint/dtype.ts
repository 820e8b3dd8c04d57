/** Storage types of safetensors. */
export const ITEM_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const;
export type Dtype = keyof typeof ITEM_BYTES;

export function isDtype(name: unknown): name is Dtype {
  return typeof name === 'string' && Object.hasOwn(ITEM_BYTES, name);
}

/** Dtypes that `toFloat32` converts. */
export const FLOAT_DTYPES: ReadonlySet<Dtype> = new Set(['F64', 'F32', 'F16', 'BF16']);

/**
 * Float32 values of stored elements (little-endian machine assumed: every platform of ONNX Runtime is one).
 * @param bytes aligned to the element size
 * @param out as many floats as there are elements
 */
export function toFloat32(dtype: Dtype, bytes: Uint8Array, out: Float32Array): void {
  switch (dtype) {
    case 'F32':
      out.set(new Float32Array(bytes.buffer, bytes.byteOffset, out.length));
      return;
    case 'F64':
      out.set(new Float64Array(bytes.buffer, bytes.byteOffset, out.length));
      return;
    case 'BF16':
      bf16ToFloat32(new Uint16Array(bytes.buffer, bytes.byteOffset, out.length), out);
      return;
    case 'F16':
      f16ToFloat32(new Uint16Array(bytes.buffer, bytes.byteOffset, out.length), out);
      return;
    default:
      throw new RangeError(`${dtype} holds no floats`);
  }
}

/** The 16 bits become the upper half of the float's word. */
function bf16ToFloat32(source: Uint16Array, out: Float32Array): void {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < words.length; i++) words[i] = (source[i] as number) << 16;
}

/** IEEE half: 1 sign, 5 exponent (bias 15), 10 mantissa bits; all 65,536 values in a table, made at first use. */
function f16ToFloat32(source: Uint16Array, out: Float32Array): void {
  halfTable ??= makeHalfTable();
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < words.length; i++) words[i] = halfTable[source[i] as number] as number;
}

let halfTable: Uint32Array | undefined;

function makeHalfTable(): Uint32Array {
  const table = new Uint32Array(65_536);
  const float = new Float32Array(1);
  const word = new Uint32Array(float.buffer);
  for (let half = 0; half < table.length; half++) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 31;
    const mantissa = half & 1023;
    if (exponent === 31) table[half] = (sign | 0x7f80_0000 | (mantissa << 13)) >>> 0;
    else if (exponent > 0) table[half] = (sign | ((exponent + 112) << 23) | (mantissa << 13)) >>> 0;
    else {
      float[0] = mantissa * 2 ** -24;
      table[half] = (sign | (word[0] as number)) >>> 0;
    }
  }
  return table;
}
