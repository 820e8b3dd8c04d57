import { EngineRefusal } from '../api.ts';
import type { ConfigReader } from '../checkpoint/config.ts';

/**
 * Attention windows by layer, where some layers see all keys: `layer_types` says which, else `slides`.
 * @returns tokens that a layer's queries see, undefined for all before them
 * @throws EngineRefusal for a list that is too short or names another kind of attention
 */
export function layerWindows(
  config: ConfigReader,
  layers: number,
  windowTokens: number,
  slides: (block: number) => boolean,
): (block: number) => number | undefined {
  const types = config.optionalStrings('layer_types');
  if (types === undefined) return (block) => (slides(block) ? windowTokens : undefined);
  const known = (type: string) => type === 'sliding_attention' || type === 'full_attention';
  if (types.length < layers || !types.every(known)) {
    throw new EngineRefusal(
      `${config.name}: layer_types must say sliding_attention or full_attention for each of ${layers} layers; correct it or fetch the file again.`,
    );
  }
  return (block) => (types[block] === 'sliding_attention' ? windowTokens : undefined);
}
