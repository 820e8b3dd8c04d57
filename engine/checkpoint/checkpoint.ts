import fs from 'node:fs';
import path from 'node:path';
import { EngineRefusal } from '../api.ts';
import { type Dtype, ITEM_BYTES, toFloat32, toInt32 } from './dtype.ts';
import { openFile, readFully } from './files.ts';
import { readSafetensorsHeader, type StoredTensor } from './safetensors.ts';
import { type CheckpointTensor, checkReadable, joinScales } from './scaled_tensors.ts';
import { type ReadBytes, readFloat8, readMxfp4 } from './scaled_values.ts';
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
  /** By name; codes and their scales are one tensor. */
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  /** Bytes of all tensors, as stored. */
  readonly storedBytes: number;
  /** Told before values are read, how many bytes they come to as float32; may throw to give up. */
  onRead: ((bytes: number) => void) | undefined;
  private readonly fds = new Map<string, number>();
  private readonly staging = new Uint8Array(STAGING_BYTES);

  constructor(
    readonly folder: string,
    stored: ReadonlyMap<string, StoredTensor>,
  ) {
    let bytes = 0;
    for (const { byteLength } of stored.values()) bytes += byteLength;
    this.storedBytes = bytes;
    this.tensors = joinScales(stored);
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
   * @throws EngineRefusal for a tensor that is not there, or of a type that cannot be read
   */
  readFloat32(name: string, out?: Float32Array, firstRow = 0, rows?: number): Float32Array {
    const tensor = this.find(name);
    checkReadable(name, tensor);
    const { shape } = tensor;
    const elements = shape.reduce((product, dim) => product * dim, 1);
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
    this.onRead?.(target.byteLength);
    this.fill(tensor, first, target);
    return target;
  }

  /** Values from `first` on, as many as `out` takes. */
  private fill(tensor: CheckpointTensor, first: number, out: Float32Array): void {
    const { dtype, scales, shape } = tensor;
    const read = this.reader(tensor);
    if (dtype === 'MXFP4') {
      readMxfp4(first, out, read, this.reader(scales as StoredTensor), this.staging);
      return;
    }
    if (scales !== undefined) {
      const readScales = (values: Float32Array, from: number) => this.fill(scales, from, values);
      readFloat8(first, out, shape, read, readScales, this.staging);
      return;
    }
    const itemBytes = ITEM_BYTES[dtype];
    const begin = first * itemBytes;
    if (dtype === 'F32') {
      read(new Uint8Array(out.buffer, out.byteOffset, out.byteLength), begin);
      return;
    }
    const most = STAGING_BYTES / itemBytes;
    for (let done = 0; done < out.length; done += most) {
      const now = Math.min(most, out.length - done);
      const piece = this.staging.subarray(0, now * itemBytes);
      read(piece, begin + done * itemBytes);
      toFloat32(dtype, piece, out.subarray(done, done + now));
    }
  }

  /** Reads bytes of a tensor from one of its own on. */
  private reader({ file, offsetBytes }: Pick<StoredTensor, 'file' | 'offsetBytes'>): ReadBytes {
    const fd = this.open(file);
    return (out, at) => readFully(fd, path.join(this.folder, file), out, offsetBytes + at);
  }

  /** File of the folder that holds a tensor. */
  fileOf(name: string): string {
    return this.find(name).file;
  }

  /** Where rows of a tensor lie as float32 already, for who maps them from the file; undefined where they must be converted. */
  floatsAt(name: string, firstRow = 0): { readonly file: string; readonly offsetBytes: number } | undefined {
    const { dtype, file, shape, offsetBytes } = this.find(name);
    if (dtype !== 'F32') return undefined;
    const columns = shape.length > 1 ? (shape.at(-1) ?? 1) : 1;
    return { file, offsetBytes: offsetBytes + firstRow * columns * 4 };
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
    const tensor = this.find(name);
    const { dtype, shape, byteLength } = tensor;
    if (dtype === 'MXFP4') throw new RangeError(`${name}: MXFP4 is not stored as one tensor`);
    const bytes = new Uint8Array(byteLength);
    this.reader(tensor)(bytes, 0);
    return { dtype, shape, bytes };
  }

  /** Closes the files; another read opens them again. */
  close(): void {
    for (const fd of this.fds.values()) fs.closeSync(fd);
    this.fds.clear();
  }

  private find(name: string): CheckpointTensor {
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
