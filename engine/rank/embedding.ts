import type { ModelSpec, SinusoidSpec } from '../families/spec.ts';
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

  /**
   * Writes the rows of `tokens` from row `at` of `out` on, [rows, hidden].
   * @param past tokens of the sequence before these
   */
  lookUp(tokens: Int32Array, out: Float32Array, at: number, positions?: SinusoidSpec, past = 0): void {
    const { hiddenSize } = this.spec;
    for (const [index, token] of tokens.entries()) {
      const from = token * hiddenSize;
      out.set(this.table.subarray(from, from + hiddenSize), (at + index) * hiddenSize);
    }
    if (positions !== undefined) this.addSinusoids(tokens, out, at, positions, past);
  }

  /** The n-th token that is not padding stands at position n + padToken; cached tokens count, whatever they were. */
  private addSinusoids(
    tokens: Int32Array,
    out: Float32Array,
    at: number,
    { padToken }: SinusoidSpec,
    past: number,
  ): void {
    const { hiddenSize } = this.spec;
    const half = Math.floor(hiddenSize / 2);
    const slope = Math.log(10_000) / Math.max(1, half - 1);
    let count = past;
    for (const [index, token] of tokens.entries()) {
      if (token === padToken) continue;
      const position = ++count + padToken;
      const row = (at + index) * hiddenSize;
      for (let i = 0; i < half; i++) {
        const angle = position * Math.exp(-i * slope);
        out[row + i] = (out[row + i] as number) + Math.sin(angle);
        out[row + half + i] = (out[row + half + i] as number) + Math.cos(angle);
      }
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
