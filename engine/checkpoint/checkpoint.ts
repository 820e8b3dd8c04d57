import { closeSync, openSync, readSync } from 'node:fs';
import { EngineRefusal } from '../api.ts';
import { type Dtype, FLOAT_DTYPES, ITEM_BYTES, toFloat32 } from './dtype.ts';
import type { TensorEntry } from './safetensors.ts';
import { readTensors } from './shards.ts';

/** Converted at most at once: the staging buffer stays this small whatever the tensor. */
const CHUNK_BYTES = 4 << 20;

/**
 * An open checkpoint: headers in memory, data read where it is asked for, by position. A 60 GB checkpoint opens by reading
 * its headers only; what is read stays in the system's page cache, which is the engine's host tier.
 */
export class Checkpoint {
  private readonly files = new Map<string, number>();
  private chunk = new ArrayBuffer(0);

  constructor(
    readonly folder: string,
    readonly tensors: ReadonlyMap<string, TensorEntry>,
  ) {}

  get storedBytes(): number {
    let bytes = 0;
    for (const entry of this.tensors.values()) bytes += entry.byteLength;
    return bytes;
  }

  /**
   * Reads float32 values into `out`, converting from the stored dtype.
   * @param firstRow first row of the tensor seen as a matrix [product of leading dims, last dim]; with `rows`, a part of it
   * @throws EngineRefusal for a tensor that is missing, holds no floats, or has been cut short since it was opened
   */
  readFloat32(name: string, out: Float32Array, firstRow = 0, rows?: number): void {
    const entry = this.entry(name);
    if (!FLOAT_DTYPES.has(entry.dtype)) {
      throw new EngineRefusal(`${entry.file}: tensor "${name}" is ${entry.dtype}, which the engine does not read as floats.`);
    }
    const itemBytes = ITEM_BYTES[entry.dtype];
    const columns = entry.shape[entry.shape.length - 1] ?? 1;
    const elements = rows === undefined ? entry.byteLength / itemBytes : rows * columns;
    const from = firstRow * columns;
    if (out.length !== elements || (from + elements) * itemBytes > entry.byteLength) {
      throw new RangeError(`tensor "${name}": ${out.length} floats wanted from row ${firstRow} of ${entry.shape.join(' x ')}`);
    }
    const step = CHUNK_BYTES / itemBytes;
    for (let at = 0; at < elements; at += step) {
      const count = Math.min(step, elements - at);
      const bytes = this.read(entry, entry.offsetBytes + (from + at) * itemBytes, count * itemBytes);
      toFloat32(entry.dtype, bytes, out.subarray(at, at + count));
    }
  }

  /** A tensor's bytes, aligned, in memory of their own. */
  readRaw(name: string): { dtype: Dtype; shape: readonly number[]; bytes: Uint8Array } {
    const entry = this.entry(name);
    const bytes = new Uint8Array(entry.byteLength);
    this.fill(entry, bytes, entry.offsetBytes);
    return { dtype: entry.dtype, shape: entry.shape, bytes };
  }

  close(): void {
    for (const fd of this.files.values()) closeSync(fd);
    this.files.clear();
  }

  private entry(name: string): TensorEntry {
    const entry = this.tensors.get(name);
    if (entry === undefined) throw new EngineRefusal(`The checkpoint has no tensor "${name}".`);
    return entry;
  }

  private read(entry: TensorEntry, position: number, length: number): Uint8Array {
    if (this.chunk.byteLength < length) this.chunk = new ArrayBuffer(Math.min(CHUNK_BYTES, Math.max(length, 1 << 16)));
    const bytes = new Uint8Array(this.chunk, 0, length);
    this.fill(entry, bytes, position);
    return bytes;
  }

  private fill(entry: TensorEntry, bytes: Uint8Array, position: number): void {
    let fd = this.files.get(entry.path);
    if (fd === undefined) {
      fd = openSync(entry.path, 'r');
      this.files.set(entry.path, fd);
    }
    let done = 0;
    while (done < bytes.length) {
      const read = readSync(fd, bytes, done, bytes.length - done, position + done);
      if (read === 0) throw new EngineRefusal(`${entry.file}: the file became shorter while it was read; fetch it again.`);
      done += read;
    }
  }
}

/** Opens a model folder's weights by reading headers only. */
export function openCheckpoint(folder: string): Checkpoint {
  return new Checkpoint(folder, readTensors(folder));
}
