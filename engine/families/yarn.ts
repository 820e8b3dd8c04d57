import type { ConfigReader } from '../checkpoint/config.ts';
import type { RopeFrequencies } from './attention_spec.ts';

/** What YaRN starts from: f_i = theta^(-2i/D), and max_position_embeddings. */
export interface YarnBase {
  readonly theta: number;
  readonly dim: number;
  readonly contextTokens: number;
}

/**
 * YaRN: pairs of many turns within the original context L0 keep their frequency, those of few are slowed by s, those between are mixed.
 *   c(r) = D ln(L0 / (2 pi r)) / (2 ln theta);  lo = max(c(beta_fast), 0), hi = min(c(beta_slow), D - 1), to whole numbers if `truncate`
 *   f'_i = ramp_i f_i / s + (1 - ramp_i) f_i,  ramp_i = clamp((i - lo) / (hi - lo), 0, 1)
 * s is `factor`, or max_position_embeddings / L0 where that is absent. cos and sin are multiplied by `attention_factor`, by itself
 * g(mscale) / g(mscale_all_dim) where both are there and not 0, else g(1); see `yarnMagnitude` for g.
 */
export function yarnRope({ theta, dim, contextTokens }: YarnBase, scaling: ConfigReader): RopeFrequencies {
  const { original, factor } = readContext(scaling, contextTokens);
  const turns = (count: number) => (dim * Math.log(original / (2 * Math.PI * count))) / (2 * Math.log(theta));
  const whole = scaling.boolean('truncate', true);
  const low = turns(scaling.number('beta_fast', { min: Number.MIN_VALUE, default: 32 }));
  const high = turns(scaling.number('beta_slow', { min: Number.MIN_VALUE, default: 1 }));
  const from = Math.max(whole ? Math.floor(low) : low, 0);
  const to = Math.min(whole ? Math.ceil(high) : high, dim - 1);
  const width = from === to ? 0.001 : to - from;
  const [mscale, allDim] = [scaling.number('mscale', { default: 0 }), scaling.number('mscale_all_dim', { default: 0 })];
  const inferred =
    mscale !== 0 && allDim !== 0
      ? yarnMagnitude(factor, mscale) / yarnMagnitude(factor, allDim)
      : yarnMagnitude(factor, 1);
  return {
    inverseFrequency: Float64Array.from({ length: dim / 2 }, (_, i) => {
      const ramp = Math.min(1, Math.max(0, (i - from) / width));
      const frequency = theta ** ((-2 * i) / dim);
      return (ramp * frequency) / factor + (1 - ramp) * frequency;
    }),
    attentionFactor: scaling.number('attention_factor', { default: inferred }),
  };
}

/**
 * m by which DeepSeek multiplies attention scores twice (m^2), beside the factor on cos and sin: g(mscale_all_dim), 1 without YaRN or
 * where mscale_all_dim is 0.
 */
export function yarnScoreFactor(config: ConfigReader, contextTokens: number): number {
  const scaling = config.section('rope_parameters') ?? config.section('rope_scaling');
  const type = scaling?.optionalString('rope_type') ?? scaling?.optionalString('type');
  if (scaling === undefined || type !== 'yarn') return 1;
  const allDim = scaling.number('mscale_all_dim', { default: 0 });
  return allDim === 0 ? 1 : yarnMagnitude(readContext(scaling, contextTokens).factor, allDim);
}

/** g(m) = 0.1 m ln(s) + 1, 1 for s <= 1. */
function yarnMagnitude(factor: number, m: number): number {
  return factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1;
}

/** L0 and s. */
function readContext(scaling: ConfigReader, contextTokens: number): { original: number; factor: number } {
  const original = scaling.int('original_max_position_embeddings', { min: 1, default: contextTokens });
  return { original, factor: scaling.number('factor', { min: Number.MIN_VALUE, default: contextTokens / original }) };
}
