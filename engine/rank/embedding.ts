import type { ModelSpec } from '../families/spec.ts';
import type { MemoryLedger } from './ledger.ts';

export interface EmbeddingSource {
  /** Float32 values of rows [firstRow, firstRow + rows) of a tensor. */
  readFloat32(tensor: string, out: Float32Array, firstRow?: number, rows?: number): void;
}

/**
 * The embedding table as float32, looked up here instead of through a session: a Gather call would cost more than the copy.
 */
export class Embedding {
  private table: Float32Array;

  constructor(
    private readonly spec: ModelSpec,
    source: EmbeddingSource,
    private readonly ledger: MemoryLedger,
  ) {
    ledger.add('embedding', embeddingBytes(spec));
    this.table = new Float32Array(spec.vocabSize * spec.hiddenSize);
    source.readFloat32(spec.embedding.tensor, this.table);
    if (spec.embeddingMultiplier !== 1)
      for (let i = 0; i < this.table.length; i++) this.table[i] = (this.table[i] as number) * spec.embeddingMultiplier;
  }

  /** Writes the rows of `tokens` from row `at` of `out` on, [rows, hidden]. */
  lookUp(tokens: Int32Array, out: Float32Array, at: number): void {
    const { hiddenSize } = this.spec;
    for (const [index, token] of tokens.entries()) {
      const from = token * hiddenSize;
      out.set(this.table.subarray(from, from + hiddenSize), (at + index) * hiddenSize);
    }
  }

  close(): void {
    this.ledger.remove('embedding', this.table.byteLength);
    this.table = new Float32Array(0);
  }
}

export function embeddingBytes(spec: ModelSpec): number {
  return spec.vocabSize * spec.hiddenSize * 4;
}
