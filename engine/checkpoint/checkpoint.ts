import fs from 'node:fs';
import path from 'node:path';
import { EngineRefusal } from '../api.ts';
import { type Dtype, ITEM_BYTES, isConvertible, toFloat32, toInt32 } from './dtype.ts';
import { openFile, readFully } from './files.ts';
import { readSafetensorsHeader, type StoredTensor } from './safetensors.ts';
import { INDEX_NAME, readShardIndex } from './shard_index.ts';

const SINGLE_NAME = 'model.safetensors';
/** Read and converted at a time: stays in the second-level cache, and is a small part of the call's cost per piece. */
const STAGING_BYTES = 1 << 18;

/**
 * Opens the checkpoint of a model folder: one `model.safetensors`, or shards with their index. Only headers are read, so a
 * checkpoint of any size opens at once.
 * @throws EngineRefusal naming file, tensor and remedy
 */
export function openCheckpoint(folder: string): Checkpoint {
  if (fs.existsSync(path.join(folder, INDEX_NAME))) return new Checkpoint(folder, readShards(folder));
  if (!fs.existsSync(path.join(folder, SINGLE_NAME))) {
    throw new EngineRefusal(
      `${folder}: there is neither ${SINGLE_NAME} nor ${INDEX_NAME}; choose the folder of a Hugging Face checkpoint in safetensors format.`,
    );
  }
  return openTensorFile(path.join(folder, SINGLE_NAME));
}

/** One safetensors file by its own name (inputs and references of tests). */
export function openTensorFile(file: string): Checkpoint {
  return new Checkpoint(path.dirname(file), readSafetensorsHeader(file));
}

/** Headers of all shards, which must hold exactly what the index says. */
function readShards(folder: string): Map<string, StoredTensor> {
  const index = readShardIndex(path.join(folder, INDEX_NAME));
  const tensors = new Map<string, StoredTensor>();
  for (const shard of new Set(index.values())) {
    for (const [name, tensor] of readSafetensorsHeader(path.join(folder, shard))) {
      if (index.get(name) !== shard) {
        throw new EngineRefusal(`${shard}: tensor "${name}" is in it and not so in ${INDEX_NAME}; fetch both again.`);
      }
      tensors.set(name, tensor);
    }
  }
  for (const [name, shard] of index) {
    if (!tensors.has(name)) {
      throw new EngineRefusal(
        `${shard}: tensor "${name}" is not in it, though ${INDEX_NAME} says so; fetch both again.`,
      );
    }
  }
  return tensors;
}

/** Tensors on disk, read by position when asked for. Files are opened at their first read. */
export class Checkpoint {
  /** Bytes of all tensors, as stored. */
  readonly storedBytes: number;
  private readonly fds = new Map<string, number>();
  private readonly staging = new Uint8Array(STAGING_BYTES);

  constructor(
    readonly folder: string,
    readonly tensors: ReadonlyMap<string, StoredTensor>,
  ) {
    let bytes = 0;
    for (const { byteLength } of tensors.values()) bytes += byteLength;
    this.storedBytes = bytes;
  }

  /** The first of several names that is there: tied weights are stored under one of them. */
  resolveAlias(names: readonly string[]): string | undefined {
    return names.find((name) => this.tensors.has(name));
  }

  /**
   * Values as float32. A tensor's rows are those of the matrix [product of all dimensions but the last, last dimension], so
   * that a fused tensor [E, rows, columns] is addressed as one tall matrix; a vector's rows are its elements.
   * @param out where to put them; made when absent
   * @param firstRow, rows part of the tensor; all of it when absent
   * @throws EngineRefusal for a tensor that is not there, or of a type that cannot be converted
   */
  readFloat32(name: string, out?: Float32Array, firstRow = 0, rows?: number): Float32Array {
    const tensor = this.find(name);
    const { dtype, shape } = tensor;
    if (!isConvertible(dtype)) {
      throw new EngineRefusal(
        `${tensor.file}: tensor "${name}" is ${dtype}, which needs scales; convert the checkpoint to BF16.`,
      );
    }
    const itemBytes = ITEM_BYTES[dtype];
    const elements = tensor.byteLength / itemBytes;
    const columns = shape.length > 1 ? (shape.at(-1) ?? 1) : 1;
    const first = firstRow * columns;
    const count = rows === undefined ? elements - first : rows * columns;
    if (first < 0 || count < 0 || first + count > elements) {
      throw new RangeError(
        `${name}: rows ${firstRow} to ${firstRow + (rows ?? 0)} are not within [${shape.join(', ')}]`,
      );
    }
    const target = out ?? new Float32Array(count);
    if (target.length !== count)
      throw new RangeError(`${name}: ${count} values do not go into ${target.length} places`);
    const begin = tensor.offsetBytes + first * itemBytes;
    const fd = this.open(tensor.file);
    const file = path.join(this.folder, tensor.file);
    if (dtype === 'F32') {
      readFully(fd, file, new Uint8Array(target.buffer, target.byteOffset, target.byteLength), begin);
      return target;
    }
    const most = STAGING_BYTES / itemBytes;
    for (let done = 0; done < count; done += most) {
      const now = Math.min(most, count - done);
      const piece = this.staging.subarray(0, now * itemBytes);
      readFully(fd, file, piece, begin + done * itemBytes);
      toFloat32(dtype, piece, target.subarray(done, done + now));
    }
    return target;
  }

  /** Whole numbers, as in token ids. @throws EngineRefusal where the tensor holds something else */
  readInt32(name: string): Int32Array {
    const { dtype, bytes } = this.readRaw(name);
    try {
      return toInt32(dtype, bytes);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const { file } = this.find(name);
      throw new EngineRefusal(`${file}: tensor "${name}" cannot be read as 32-bit integers (${error.message}).`);
    }
  }

  /** Bytes as stored, at the start of a buffer of their own. */
  readRaw(name: string): { readonly dtype: Dtype; readonly shape: readonly number[]; readonly bytes: Uint8Array } {
    const { file, dtype, shape, offsetBytes, byteLength } = this.find(name);
    const bytes = new Uint8Array(byteLength);
    readFully(this.open(file), path.join(this.folder, file), bytes, offsetBytes);
    return { dtype, shape, bytes };
  }

  /** Closes the files; another read opens them again. */
  close(): void {
    for (const fd of this.fds.values()) fs.closeSync(fd);
    this.fds.clear();
  }

  private find(name: string): StoredTensor {
    const tensor = this.tensors.get(name);
    if (tensor === undefined) {
      throw new EngineRefusal(`${this.folder}: the checkpoint has no tensor "${name}"; fetch the model's files again.`);
    }
    return tensor;
  }

  private open(file: string): number {
    let fd = this.fds.get(file);
    if (fd === undefined) {
      ({ fd } = openFile(path.join(this.folder, file)));
      this.fds.set(file, fd);
    }
    return fd;
  }
}
