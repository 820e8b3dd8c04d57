import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';

export type WritableTensor =
  | { readonly dtype: 'F32'; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: 'I32'; readonly shape: readonly number[]; readonly data: Int32Array };

/** Writes a safetensors file: beside its place first, then renamed onto it, so that it is there whole or not at all. */
export function writeSafetensors(filePath: string, tensors: Readonly<Record<string, WritableTensor>>): void {
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  let text = JSON.stringify(header);
  text += ' '.repeat((8 - (Buffer.byteLength(text) % 8)) % 8);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  const beside = `${filePath}.${process.pid}.tmp`;
  const fd = openSync(beside, 'w');
  try {
    writeAll(fd, prefix);
    writeAll(fd, Buffer.from(text));
    for (const { data } of Object.values(tensors)) writeAll(fd, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(beside, filePath);
}

function writeAll(fd: number, bytes: Buffer): void {
  let done = 0;
  while (done < bytes.length) done += writeSync(fd, bytes, done);
}
