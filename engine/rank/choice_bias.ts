import { type ModelSpec, moeLayers } from '../families/spec.ts';
import type { EmbeddingSource } from './embedding.ts';
import type { MemoryLedger } from './ledger.ts';

/** What routers add to scores for choosing only, by MoE layer; most architectures add nothing. */
export class ChoiceBias {
  private readonly layers: readonly (Float32Array | undefined)[];

  constructor(
    private readonly spec: ModelSpec,
    source: EmbeddingSource,
    private readonly ledger: MemoryLedger,
  ) {
    ledger.add('otherDense', choiceBiasBytes(spec));
    this.layers = moeLayers(spec).map(({ feedForward: { choiceBias, experts } }) => {
      if (choiceBias === undefined) return undefined;
      const bias = new Float32Array(experts);
      source.readFloat32(choiceBias.tensor, bias);
      return bias;
    });
  }

  /** [experts] */
  of(moeLayer: number): Float32Array | undefined {
    return this.layers[moeLayer];
  }

  close(): void {
    this.ledger.remove('otherDense', choiceBiasBytes(this.spec));
  }
}

export function choiceBiasBytes(spec: ModelSpec): number {
  return moeLayers(spec).reduce(
    (sum, { feedForward }) => sum + (feedForward.choiceBias === undefined ? 0 : feedForward.experts * 4),
    0,
  );
}
