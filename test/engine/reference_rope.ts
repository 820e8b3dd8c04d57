import type { LlamaConfig } from './llama_tensors.ts';

export interface Rotation {
  /** Angle of a position's pair i is position * inverse[i]. */
  readonly inverse: readonly number[];
  /** Multiplies cos and sin. */
  readonly factor: number;
}

type Scaling = Readonly<Record<string, number>> & {
  readonly rope_type?: string;
  readonly type?: string;
  readonly short_factor?: readonly number[];
  readonly long_factor?: readonly number[];
};

/** Rotary frequencies of a sequence of `length` tokens, by the formulas of each scaling. */
export function rotation(config: LlamaConfig, dim: number, length: number): Rotation {
  const parameters = (config.rope_parameters ?? config.rope_scaling ?? {}) as Scaling;
  const theta = (config.rope_theta as number | undefined) ?? (parameters.rope_theta as number);
  const context = config.max_position_embeddings as number;
  const plain = (base: number) => Array.from({ length: dim / 2 }, (_, i) => 1 / base ** ((2 * i) / dim));
  const of = (key: string) => parameters[key] as number;
  const original = (config.original_max_position_embeddings ?? parameters.original_max_position_embeddings) as number;
  switch (parameters.rope_type ?? parameters.type ?? 'default') {
    case 'linear':
      return { inverse: plain(theta).map((f) => f / of('factor')), factor: 1 };
    case 'dynamic': {
      const grown = Math.max(length, context) / context;
      return { inverse: plain(theta * (of('factor') * grown - (of('factor') - 1)) ** (dim / (dim - 2))), factor: 1 };
    }
    case 'llama3': {
      const [low, high] = [original / of('low_freq_factor'), original / of('high_freq_factor')];
      const inverse = plain(theta).map((f) => {
        const wave = (2 * Math.PI) / f;
        if (wave < high) return f;
        if (wave > low) return f / of('factor');
        const smooth = (original / wave - of('low_freq_factor')) / (of('high_freq_factor') - of('low_freq_factor'));
        return (1 - smooth) * (f / of('factor')) + smooth * f;
      });
      return { inverse, factor: 1 };
    }
    case 'longrope': {
      const side = length > original ? 'long' : 'short';
      const factors = parameters[`${side}_factor`] as readonly number[];
      const growth = context / original;
      const inferred = Math.sqrt(1 + Math.log(growth) / Math.log(original));
      const inverse = factors.map((f, i) => 1 / (f * theta ** ((2 * i) / dim)));
      return { inverse, factor: (parameters[`${side}_mscale`] as number | undefined) ?? inferred };
    }
    default:
      return { inverse: plain(theta), factor: 1 };
  }
}
