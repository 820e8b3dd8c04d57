import type { WeightRef } from '../families/spec.ts';
import type { WeightPart } from '../graph/weight_blob.ts';

/** Reads a tensor's float32 values into `out`; the checkpoint, whatever its dtype, seen from a device. */
export interface WeightSource {
  readFloat32(tensor: string, out: Float32Array, firstRow?: number, rows?: number): void;
}

/**
 * Gathers the weights of one session into one buffer, reused from load to load: a miss allocates nothing of its own.
 * The host tier is the checkpoint file in the system's page cache; no second copy of it is held.
 */
export class WeightStaging {
  private buffer = new Float32Array(0);

  constructor(private readonly source: WeightSource) {}

  gather(parts: readonly WeightPart[], refs?: readonly WeightRef[]): Float32Array {
    const floats = parts.reduce((sum, part) => sum + part.floats, 0);
    if (this.buffer.length < floats) this.buffer = new Float32Array(floats);
    let at = 0;
    for (const [index, part] of parts.entries()) {
      const { tensor, firstRow, rows } = refs?.[index] ?? part.ref;
      const out = this.buffer.subarray(at, at + part.floats);
      if (firstRow === undefined) this.source.readFloat32(tensor, out);
      else this.source.readFloat32(tensor, out, firstRow, rows);
      at += part.floats;
    }
    return this.buffer.subarray(0, floats);
  }
}
