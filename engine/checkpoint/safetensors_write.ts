import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

export type WritableTensor =
  | { readonly dtype: 'F32'; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: 'I32'; readonly shape: readonly number[]; readonly data: Int32Array }
  | { readonly dtype: 'I64'; readonly shape: readonly number[]; readonly data: BigInt64Array };

/** As the official library aligns the data. */
const ALIGNMENT_BYTES = 8;

/**
 * Writes a safetensors file beside its place and renames it onto it, so that it is there whole or not at all.
 * @throws RangeError where a tensor's data does not have the size of its shape; errors of the file system as they come
 */
export function writeSafetensors(file: string, tensors: Readonly<Record<string, WritableTensor>>): void {
  let offset = 0;
  const entries = Object.entries(tensors).map(([name, { dtype, shape, data }]) => {
    const elements = shape.reduce((product, dim) => product * dim, 1);
    if (elements !== data.length) throw new RangeError(`${name}: ${data.length} values for [${shape.join(', ')}]`);
    const begin = offset;
    offset += data.byteLength;
    return [name, { dtype, shape, data_offsets: [begin, offset] }] as const;
  });
  const text = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const header = Buffer.alloc(Math.ceil(text.length / ALIGNMENT_BYTES) * ALIGNMENT_BYTES, ' ');
  text.copy(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));

  const beside = `${file}.${process.pid}.tmp`;
  try {
    const fd = openSync(beside, 'w');
    try {
      writeAll(fd, length);
      writeAll(fd, header);
      for (const { data } of Object.values(tensors)) {
        writeAll(fd, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      }
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(beside, file);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}

export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}
