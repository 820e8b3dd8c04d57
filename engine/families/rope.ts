import { EngineRefusal } from '../api.ts';
import type { ConfigReader } from '../checkpoint/config.ts';
import type { PositionSpec } from './attention_spec.ts';

/**
 * Plain rotary positions: inverseFrequency_i = theta^(-2i/D), i = 0..D/2-1. `rope_theta` stands at the top level, or inside
 * `rope_parameters` in configs written by newer libraries.
 */
export function ropeFrequencies(config: ConfigReader, headDim: number, defaultTheta = 10_000): PositionSpec {
  const parameters = config.section('rope_parameters') ?? config.section('rope_scaling');
  const type = parameters?.optionalString('rope_type') ?? parameters?.optionalString('type') ?? 'default';
  if (type !== 'default') {
    throw new EngineRefusal(
      `config.json: rope type "${type}" is not supported for this architecture; only plain rope is.`,
    );
  }
  const theta = config.optionalNumber('rope_theta') ?? parameters?.optionalNumber('rope_theta') ?? defaultTheta;
  const inverseFrequency = Float64Array.from({ length: headDim / 2 }, (_, i) => theta ** ((-2 * i) / headDim));
  return { kind: 'rope', inverseFrequency, interleaved: false, attentionFactor: 1 };
}
