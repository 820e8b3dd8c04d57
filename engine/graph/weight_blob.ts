import type { WeightRef } from '../families/spec.ts';
import type { GraphBuilder } from './onnx.ts';

/** The one external file that every graph refers to; its bytes are handed to the session from memory. */
export const BLOB = 'weights';

export interface WeightPart {
  readonly ref: WeightRef;
  readonly floats: number;
}

/** A graph and the checkpoint tensors, in order, whose float32 values concatenated are its external data. */
export interface WeightedGraph {
  readonly model: Uint8Array;
  readonly parts: readonly WeightPart[];
  readonly floats: number;
}

/** Collects a graph's weights: tensors placed one behind the other can serve as one matrix (q, k and v; gate and up). */
export class WeightBlob {
  readonly parts: WeightPart[] = [];
  floats = 0;

  constructor(private readonly builder: GraphBuilder) {}

  /**
   * Declares a float32 weight of shape `dims` made of `refs` one behind the other; `rows` of a ref are those of the matrix
   * [all dimensions but the last, last], as everywhere.
   * @returns its name in the graph
   */
  weight(name: string, dims: readonly number[], refs: readonly WeightRef[]): string {
    const floats = dims.reduce((product, dim) => product * dim, 1);
    const trailing = dims.length > 1 ? (dims.at(-1) as number) : 1;
    const declared = this.builder.external(name, dims, {
      location: BLOB,
      offsetBytes: this.floats * 4,
      byteLength: floats * 4,
    });
    if (refs.length === 1) {
      this.parts.push({ ref: refs[0] as WeightRef, floats });
    } else {
      let rest = floats;
      for (const [index, ref] of refs.entries()) {
        const share = ref.rows === undefined ? undefined : ref.rows * trailing;
        const size = share ?? (index === refs.length - 1 ? rest : floats / refs.length);
        this.parts.push({ ref, floats: size });
        rest -= size;
      }
    }
    this.floats += floats;
    return declared;
  }
}
