import { closeSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { EXPERTS_NAME } from '../../checkpoint/pack/pack_folder.ts';
import type { WeightedGraph } from '../../graph/weight_blob.ts';
import type { OpenPack } from '../cpu/experts.ts';

/**
 * Whether a graph takes an expert's bytes as they lie in the pack, which is made for processors: those take gate and up apart as float32,
 * and between them lies nothing only where their bytes are a multiple of a cache line.
 */
export function takesPacked(graph: WeightedGraph, packed: WeightedGraph): boolean {
  const places = ({ parts }: WeightedGraph) =>
    parts.flatMap((part) => ('at' in part ? part.at : [part.codesAt, part.scalesAt, part.zerosAt])).join();
  return places(graph) === places(packed);
}

/** Reads experts from their pack, as they are sent: rounding them from the checkpoint at every miss takes many times as long. */
export class PackReader {
  private readonly file: number;
  private buffer = new Uint8Array(0);

  constructor(private readonly pack: OpenPack) {
    this.file = openSync(path.join(pack.folder, EXPERTS_NAME), 'r');
  }

  /** @returns an expert's blob, until the next call @throws RangeError where the file ends before it */
  read(layer: number, expert: number, byteLength: number): Uint8Array {
    if (this.buffer.length < byteLength) this.buffer = new Uint8Array(byteLength);
    const blob = this.buffer.subarray(0, byteLength);
    const from = this.pack.layout.offsetBytes(layer, expert);
    for (let at = 0; at < byteLength; ) {
      const count = readSync(this.file, blob, at, byteLength - at, from + at);
      if (count === 0) throw new RangeError(`${this.pack.folder}: expert ${expert} of layer ${layer} is cut off`);
      at += count;
    }
    return blob;
  }

  close(): void {
    closeSync(this.file);
  }
}
