import { EngineRefusal } from '../api.ts';
import { ConfigReader } from '../checkpoint/config.ts';
import type { LongerRope, PositionSpec, RopeFrequencies } from './attention_spec.ts';
import { yarnRope } from './yarn.ts';

export type RopePositions = Extract<PositionSpec, { kind: 'rope' }>;

export interface RopeShape {
  /** Rotated dimensions of a head, D. */
  readonly dim: number;
  readonly defaultTheta?: number;
  /** What the class scales by where config.json does not say how; `null` there says not at all. */
  readonly defaultScaling?: Readonly<Record<string, unknown>>;
  /** Pairs (x_2i, x_2i+1); half-split (x_i, x_{i+D/2}) where absent. */
  readonly interleaved?: boolean;
  /** max_position_embeddings */
  readonly contextTokens: number;
}

/** What every scaling starts from: f_i = theta^(-2i/D). */
interface PlainRope extends RopeShape {
  readonly theta: number;
}

type Scaled = RopeFrequencies & { readonly longer?: LongerRope };

const POSITIVE = { min: Number.MIN_VALUE };

/** Rotary positions by `rope_type` (formerly `type`). Each reads what it needs from its section of config.json. */
const SCALINGS: Readonly<Record<string, (plain: PlainRope, scaling: ConfigReader, config: ConfigReader) => Scaled>> = {
  default: plainRope,
  linear: linearRope,
  dynamic: dynamicRope,
  llama3: llama3Rope,
  yarn: yarnRope,
  longrope: longRope,
};

/**
 * Rotary positions from config.json: `rope_theta` and `rope_scaling` at the top level, or both inside `rope_parameters` as newer
 * libraries write them.
 * @throws EngineRefusal for a scaling that is not here or lacks a value
 */
export function readRope(config: ConfigReader, shape: RopeShape): RopePositions {
  if (shape.dim % 2 !== 0) {
    throw new EngineRefusal(
      `${config.name}: heads of ${shape.dim} dimensions cannot be rotated in pairs; correct head_dim.`,
    );
  }
  const scaling = readScaling(config, shape);
  const theta = config.optionalNumber('rope_theta', POSITIVE) ?? scaling?.optionalNumber('rope_theta', POSITIVE);
  const plain: PlainRope = { ...shape, theta: theta ?? shape.defaultTheta ?? 10_000 };
  const { interleaved = false } = shape;
  const as = (scaled: Scaled): RopePositions => ({ kind: 'rope', interleaved, ...scaled });
  if (scaling === undefined) return as(plainRope(plain));
  const type = scaling.optionalString('rope_type') ?? scaling.string('type', 'default');
  const read = Object.hasOwn(SCALINGS, type) ? SCALINGS[type] : undefined;
  if (read === undefined) {
    throw new EngineRefusal(
      `${scaling.name}: rope_type "${type}" is not one that this studio runs; choose a model with one of ${Object.keys(SCALINGS).join(', ')}.`,
    );
  }
  return as(read(plain, scaling, config));
}

function readScaling(config: ConfigReader, { defaultScaling }: RopeShape): ConfigReader | undefined {
  const own = config.section('rope_parameters') ?? config.section('rope_scaling');
  if (own !== undefined || defaultScaling === undefined || config.holdsNull('rope_scaling')) return own;
  return new ConfigReader(`${config.name}: rope_scaling`, defaultScaling);
}

/** f_i = theta^(-2i/D), i = 0..D/2-1. */
function plainFrequencies(theta: number, dim: number): Float64Array {
  return Float64Array.from({ length: dim / 2 }, (_, i) => theta ** ((-2 * i) / dim));
}

function plainRope({ theta, dim }: PlainRope): Scaled {
  return { inverseFrequency: plainFrequencies(theta, dim), attentionFactor: 1 };
}

/** f_i / factor. */
function linearRope({ theta, dim }: PlainRope, scaling: ConfigReader): Scaled {
  const factor = positive(scaling, 'factor');
  return { inverseFrequency: plainFrequencies(theta, dim).map((f) => f / factor), attentionFactor: 1 };
}

/** Plain up to L = contextTokens; for n tokens beyond, theta' = theta (factor n / L - factor + 1)^(D / (D - 2)). */
function dynamicRope(plain: PlainRope, scaling: ConfigReader): Scaled {
  const { theta, dim, contextTokens } = plain;
  const factor = positive(scaling, 'factor');
  const frequencies = (tokens: number): RopeFrequencies => {
    const stretched = theta * ((factor * tokens) / contextTokens - factor + 1) ** (dim / (dim - 2));
    return { inverseFrequency: plainFrequencies(stretched, dim), attentionFactor: 1 };
  };
  return { ...plainRope(plain), longer: { tokens: contextTokens, frequencies } };
}

/**
 * Long waves (over L0 / low_freq_factor) are slowed by `factor`, short ones (under L0 / high_freq_factor) kept, those between mixed:
 * s = (L0 / wave - low) / (high - low), f' = (1 - s) f / factor + s f. L0 = original_max_position_embeddings.
 */
function llama3Rope({ theta, dim }: PlainRope, scaling: ConfigReader): Scaled {
  const [factor, low, high, original] = [
    positive(scaling, 'factor'),
    positive(scaling, 'low_freq_factor'),
    positive(scaling, 'high_freq_factor'),
    positive(scaling, 'original_max_position_embeddings'),
  ] as const;
  const slowed = (f: number) => {
    const wave = (2 * Math.PI) / f;
    if (wave > original / low) return f / factor;
    if (wave < original / high) return f;
    const share = (original / wave - low) / (high - low);
    return ((1 - share) * f) / factor + share * f;
  };
  return { inverseFrequency: plainFrequencies(theta, dim).map(slowed), attentionFactor: 1 };
}

/**
 * f_i / short_factor_i up to L0 = original_max_position_embeddings, f_i / long_factor_i for longer sequences. cos and sin are
 * multiplied by short_mscale and long_mscale where they are given, else both by attention_factor, which is
 * sqrt(1 + ln(factor) / ln(L0)) by itself.
 */
function longRope({ theta, dim, contextTokens }: PlainRope, scaling: ConfigReader, config: ConfigReader): Scaled {
  const key = 'original_max_position_embeddings';
  const ownOriginal = config.optionalInt(key, { min: 2 });
  const original = ownOriginal ?? scaling.int(key, { min: 2, default: contextTokens });
  const factor = (ownOriginal === undefined ? scaling.optionalNumber('factor') : undefined) ?? contextTokens / original;
  const inferred = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  const attentionFactor = scaling.number('attention_factor', { default: inferred });
  const side = (name: 'short' | 'long'): RopeFrequencies => {
    const factors = scaling.optionalNumbers(`${name}_factor`) ?? [];
    if (factors.length !== dim / 2 || factors.some((factor) => factor <= 0)) {
      throw new EngineRefusal(
        `${scaling.name}: ${name}_factor must be ${dim / 2} numbers above 0, a pair of a head's ${dim} dimensions each; correct it or fetch the file again.`,
      );
    }
    return {
      inverseFrequency: plainFrequencies(theta, dim).map((f, i) => f / (factors[i] as number)),
      attentionFactor: scaling.number(`${name}_mscale`, { default: attentionFactor }),
    };
  };
  const long = side('long');
  return { ...side('short'), longer: { tokens: original, frequencies: () => long } };
}

function positive(scaling: ConfigReader, key: string): number {
  return scaling.number(key, POSITIVE);
}
