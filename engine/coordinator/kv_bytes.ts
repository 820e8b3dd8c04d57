import { type AttentionSpec, cacheShape } from '../families/attention_spec.ts';
import { crossAttentions, decoderOf, encoderOf, type ModelSpec } from '../families/spec.ts';
import type { RunSettings } from '../protocol/settings.ts';
import { kvCapacity } from '../rank/kv_cache.ts';

/** A start token and a language. */
export const LONGEST_DECODER_PROMPT = 2;

/** Most that a device's KV cache comes to for `rows` sequences, bytes. */
export function kvBytes(
  spec: ModelSpec,
  rows: number,
  { promptTokens, newTokens }: Pick<RunSettings, 'promptTokens' | 'newTokens'>,
): number {
  const tokens = (longest: number) => rows * kvCapacity(Math.min(spec.contextTokens, longest)) * kvBytesPerToken(spec);
  if (encoderOf(spec) === undefined) return tokens(promptTokens + newTokens);
  return tokens(LONGEST_DECODER_PROMPT + newTokens) + rows * kvCapacity(promptTokens) * sourceBytesPerToken(spec);
}

/** Keys and values of one token in all layers, bytes. An encoder keeps none. */
export function kvBytesPerToken(spec: ModelSpec): number {
  return keyBytes(decoderOf(spec).layers.map((layer) => layer.attention));
}

/** Keys and values of one source token for cross-attention in all layers, bytes. */
function sourceBytesPerToken(spec: ModelSpec): number {
  return keyBytes(crossAttentions(spec));
}

function keyBytes(layers: readonly AttentionSpec[]): number {
  return layers.reduce((sum, attention) => {
    const { kvHeads, keyWidth, valueWidth } = cacheShape(attention);
    return sum + kvHeads * (keyWidth + valueWidth) * 4;
  }, 0);
}
