import { ITEM_BYTES } from './dtype.ts';
import { streamAtomically, type Write } from './write_atomically.ts';

/** A tensor whose bytes come piece by piece: files larger than memory can be written. */
export interface StreamedTensor {
  readonly name: string;
  readonly dtype: 'BF16' | 'F32' | 'F8_E4M3' | 'U8' | 'I32' | 'I64';
  readonly shape: readonly number[];
  /** Its bytes in order; as many as the shape says. */
  pieces(): Iterable<Uint8Array>;
}

/** As the official library aligns the data. */
const ALIGNMENT_BYTES = 8;

/**
 * Writes a safetensors file beside its place and renames it onto it: it is there whole or not at all.
 * @throws RangeError where a tensor's pieces do not add up to its shape; errors of the file system as they come
 */
export function streamSafetensors(file: string, tensors: readonly StreamedTensor[]): void {
  let offset = 0;
  const header = tensors.map(({ name, dtype, shape }) => {
    const begin = offset;
    offset += tensorBytes(dtype, shape);
    return [name, { dtype, shape, data_offsets: [begin, offset] }];
  });
  const text = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const padded = Buffer.alloc(Math.ceil(text.length / ALIGNMENT_BYTES) * ALIGNMENT_BYTES, ' ');
  text.copy(padded);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  streamAtomically(file, (write) => {
    write(length);
    write(padded);
    for (const tensor of tensors) writeTensor(write, tensor);
  });
}

function writeTensor(write: Write, { name, dtype, shape, pieces }: StreamedTensor): void {
  let written = 0;
  for (const piece of pieces()) {
    write(piece);
    written += piece.byteLength;
  }
  const wanted = tensorBytes(dtype, shape);
  if (written !== wanted) throw new RangeError(`${name}: ${written} bytes for a shape of ${wanted}`);
}

function tensorBytes(dtype: StreamedTensor['dtype'], shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, ITEM_BYTES[dtype]);
}
