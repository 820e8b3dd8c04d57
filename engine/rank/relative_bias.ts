import type { PositionSpec } from '../families/attention_spec.ts';
import type { StackSpec } from '../families/spec.ts';
import type { EmbeddingSource } from './embedding.ts';
import type { MemoryLedger } from './ledger.ts';

type RelativeBuckets = Extract<PositionSpec, { kind: 'relative-buckets' }>;

/** Relative positions of one stack: what self-attention adds to the score of a key at a distance from its query. */
export class RelativeBias {
  /** [buckets, heads] */
  private readonly table: Float32Array;

  private constructor(
    private readonly positions: RelativeBuckets,
    readonly heads: number,
    source: EmbeddingSource,
    private readonly ledger: MemoryLedger,
  ) {
    this.table = new Float32Array(positions.buckets * heads);
    ledger.add('attention', this.table.byteLength);
    source.readFloat32(positions.table.tensor, this.table);
  }

  /** @returns undefined for a stack whose attention has no such positions */
  static open(stack: StackSpec, source: EmbeddingSource, ledger: MemoryLedger): RelativeBias | undefined {
    const attention = stack.layers[0]?.attention;
    if (attention?.positions.kind !== 'relative-buckets') return undefined;
    return new RelativeBias(attention.positions, attention.heads, source, ledger);
  }

  /** @param distance key position minus query position */
  of(distance: number, head: number): number {
    return this.table[bucketOf(this.positions, distance) * this.heads + head] as number;
  }

  close(): void {
    this.ledger.remove('attention', this.table.byteLength);
  }
}

/**
 * Bucket of a distance: near ones exactly, farther ones in logarithmic steps, all from maxDistance on in the last.
 * Logarithms are rounded to float32 where the reference rounds them: a distance on a boundary must fall on the same side.
 */
export function bucketOf(
  { buckets, maxDistance, bidirectional }: Pick<RelativeBuckets, 'buckets' | 'maxDistance' | 'bidirectional'>,
  distance: number,
): number {
  const own = bidirectional ? Math.floor(buckets / 2) : buckets;
  const offset = bidirectional && distance > 0 ? own : 0;
  const steps = bidirectional ? Math.abs(distance) : Math.max(-distance, 0);
  const exact = Math.floor(own / 2);
  if (steps < exact) return offset + steps;
  const { fround } = Math;
  const ratio = fround(fround(Math.log(fround(steps / exact))) / fround(Math.log(maxDistance / exact)));
  return offset + Math.min(exact + Math.trunc(fround(ratio * (own - exact))), own - 1);
}
