import { streamSafetensors } from './safetensors_stream.ts';

export type WritableTensor =
  | { readonly dtype: 'F32'; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: 'I32'; readonly shape: readonly number[]; readonly data: Int32Array }
  | { readonly dtype: 'I64'; readonly shape: readonly number[]; readonly data: BigInt64Array }
  | { readonly dtype: 'U8' | 'F8_E4M3'; readonly shape: readonly number[]; readonly data: Uint8Array };

/**
 * Writes tensors that are in memory as one safetensors file: it is there whole or not at all.
 * @throws RangeError where a tensor's data does not have the size of its shape; errors of the file system as they come
 */
export function writeSafetensors(file: string, tensors: Readonly<Record<string, WritableTensor>>): void {
  const streamed = Object.entries(tensors).map(([name, { dtype, shape, data }]) => {
    const elements = shape.reduce((product, dim) => product * dim, 1);
    if (elements !== data.length) throw new RangeError(`${name}: ${data.length} values for [${shape.join(', ')}]`);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return { name, dtype, shape, pieces: () => [bytes] };
  });
  streamSafetensors(file, streamed);
}
