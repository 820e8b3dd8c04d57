import type { Tensor } from 'onnxruntime-node';
import { floats, int64s } from '../device/tensors.ts';
import { type AttentionSpec, cacheShape, type PositionSpec, type RopeFrequencies } from '../families/attention_spec.ts';
import type { RowPlan } from './messages.ts';
import type { RelativeBias } from './relative_bias.ts';
import type { TokenGroup } from './token_groups.ts';

/** Added to a score that must not count; finite, so that a row masked throughout stays a number. */
export const MASKED = -1e9;

type Feeds = Record<string, Tensor>;
type Rope = Extract<PositionSpec, { kind: 'rope' }>;

/**
 * Self-attention inputs of a group in a decoder, by layer: rotary rows and shapes, the same for all, mask and relative positions,
 * the same for all layers of one window.
 * @param layers attention of the stack's layers; but for windows they are alike
 * @param past tokens that are fed from the KV cache (see KeyStore.pastTokens)
 */
export function decoderFeeds(
  group: TokenGroup,
  layers: readonly AttentionSpec[],
  past: number,
  relative: RelativeBias | undefined,
): readonly Feeds[] {
  const { batch, length } = group;
  const attention = layers[0] as AttentionSpec;
  const { heads, positions } = attention;
  const { kvHeads } = cacheShape(attention);
  // A sink is a column behind the keys'.
  const columns = hasSinks(attention) ? [past, length, 1] : [past, length];
  const total = columns.reduce((sum, width) => sum + width, 0);
  const shared = {
    split: int64s(columns, [columns.length]),
    ...(hasSinks(attention) && { sink_shape: int64s([batch, heads, length, 1], [4]) }),
    ...(positions.kind === 'rope' && ropeFeeds(group, positions)),
    ...(heads !== kvHeads && {
      scores_shape: int64s([batch, heads, length, total], [4]),
      grouped_shape: int64s([batch, kvHeads, (heads / kvHeads) * length, total], [4]),
    }),
  };
  const byWindow = new Map<number | undefined, Feeds>();
  return layers.map((layer) => {
    const windowTokens = layer.kind === 'grouped' ? layer.windowTokens : undefined;
    let feeds = byWindow.get(windowTokens);
    if (feeds === undefined) {
      feeds = { ...shared, bias: decoderBias(group, past, total, windowTokens, relative) };
      byWindow.set(windowTokens, feeds);
    }
    return feeds;
  });
}

function hasSinks(attention: AttentionSpec): boolean {
  return attention.kind === 'grouped' && attention.sinks !== undefined;
}

/** What is added to scores [B, 1 or H, S, total]: causal, no key further back than the window, a sink for every query. */
function decoderBias(
  { batch, length, members, firstRow }: TokenGroup,
  past: number,
  total: number,
  windowTokens = Number.POSITIVE_INFINITY,
  relative?: RelativeBias,
): Tensor {
  const planes = relative?.heads ?? 1;
  const bias = new Float32Array(batch * planes * length * total).fill(MASKED);
  // A row that takes no part still needs one key to look at: its own.
  for (let row = 0; row < batch * planes; row++)
    for (let i = 0; i < length; i++) {
      const line = (row * length + i) * total;
      bias[line + past + i] = 0;
      bias.fill(0, line + past + length, line + total);
    }
  for (const member of members) {
    for (let plane = 0; plane < planes; plane++) {
      for (let i = 0; i < length; i++) {
        const position = member.position + i;
        const line = (((member.row - firstRow) * planes + plane) * length + i) * total;
        for (let key = Math.max(0, position - windowTokens + 1); key <= position; key++) {
          const fresh = key - member.position;
          if (fresh >= 0 && member.mask?.[fresh] === 0) continue;
          bias[line + (fresh < 0 ? key : past + fresh)] = relative?.of(key - position, plane) ?? 0;
        }
      }
    }
  }
  return floats(bias, [batch, planes, length, total]);
}

/** Self-attention inputs of a group in an encoder: every token sees every other of its source that is not padding. */
export function encoderFeeds({ batch, length, members }: TokenGroup, relative: RelativeBias | undefined): Feeds {
  const planes = relative?.heads ?? 1;
  const bias = new Float32Array(batch * planes * length * length);
  let at = 0;
  for (const { mask } of members) {
    for (let plane = 0; plane < planes; plane++) {
      for (let query = 0; query < length; query++) {
        for (let key = 0; key < length; key++, at++)
          bias[at] = mask?.[key] === 0 ? MASKED : (relative?.of(key - query, plane) ?? 0);
      }
    }
  }
  return { bias: floats(bias, [batch, planes, length, length]) };
}

function ropeFeeds({ batch, length, members, firstRow }: TokenGroup, positions: Rope): Feeds {
  const half = positions.inverseFrequency.length;
  const cos = new Float32Array(batch * length * half);
  const sin = new Float32Array(batch * length * half);
  const lines = Array.from({ length: batch * length }, (_, line) => line);
  for (const member of members) {
    const { inverseFrequency, attentionFactor } = frequenciesOf(positions, member);
    for (let i = 0; i < length; i++) {
      const at = ((member.row - firstRow) * length + i) * half;
      for (let f = 0; f < half; f++) {
        const angle = (member.position + i) * (inverseFrequency[f] as number);
        cos[at + f] = Math.cos(angle) * attentionFactor;
        sin[at + f] = Math.sin(angle) * attentionFactor;
      }
    }
  }
  return {
    cos: floats(cos, [batch * length, half]),
    sin: floats(sin, [batch * length, half]),
    positions: int64s(lines, [batch, length]),
  };
}

function frequenciesOf(
  positions: Rope,
  { position, tokens, wholeTokens = position + tokens.length }: RowPlan,
): RopeFrequencies {
  const { longer } = positions;
  return longer !== undefined && wholeTokens > longer.tokens ? longer.frequencies(wholeTokens) : positions;
}
