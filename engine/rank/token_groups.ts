import type { Tensor } from 'onnxruntime-node';
import { floats, int64s } from '../device/cpu_session.ts';
import type { AttentionSpec } from '../families/spec.ts';
import type { RowPlan } from './messages.ts';

/** Added to a score that must not count; finite, so that a row masked throughout stays a number. */
const MASKED = -1e9;

/**
 * A part of the step that attention takes in one call: all single-token rows together as [B, 1] over the rank's rows, gaps
 * included (a masked row costs less than moving a neighbour's cache into the gap), and each longer piece by itself as [1, S]
 * (no padding to the longest).
 */
export interface TokenGroup {
  readonly firstRow: number;
  readonly batch: number;
  readonly length: number;
  readonly members: readonly RowPlan[];
  /** Whether cached keys are fed at all: a fresh prompt has none. */
  readonly cached: boolean;
}

export function groupTokens(rows: readonly RowPlan[]): TokenGroup[] {
  const groups: TokenGroup[] = [];
  const single = rows.filter((row) => row.tokens.length === 1 && row.position > 0);
  if (single.length > 0) {
    const batch = Math.max(...single.map((row) => row.row)) + 1;
    groups.push({ firstRow: 0, batch, length: 1, members: single, cached: true });
  }
  for (const row of rows) {
    if (row.tokens.length === 1 && row.position > 0) continue;
    groups.push({ firstRow: row.row, batch: 1, length: row.tokens.length, members: [row], cached: row.position > 0 });
  }
  return groups;
}

/** Where a token stands: its group, and its row in that group's [B * S] matrices. */
export function placeTokens(
  rows: readonly RowPlan[],
  groups: readonly TokenGroup[],
): { group: Uint16Array; at: Int32Array } {
  const tokens = rows.reduce((sum, row) => sum + row.tokens.length, 0);
  const group = new Uint16Array(tokens);
  const at = new Int32Array(tokens);
  const groupOf = new Map<RowPlan, number>();
  for (const [index, { members }] of groups.entries()) for (const member of members) groupOf.set(member, index);
  let token = 0;
  for (const row of rows) {
    const index = groupOf.get(row) ?? 0;
    const { firstRow, length } = groups[index] as TokenGroup;
    for (let i = 0; i < row.tokens.length; i++, token++) {
      group[token] = index;
      at[token] = (row.row - firstRow) * length + i;
    }
  }
  return { group, at };
}

/** Attention inputs of a group that are the same for every layer of a kind: rotary rows, mask, shapes. */
export function groupFeeds(group: TokenGroup, attention: AttentionSpec, capacity: number): Record<string, Tensor> {
  const { batch, length, members, firstRow, cached } = group;
  const { heads, kvHeads, headDim, positions, windowTokens = Number.POSITIVE_INFINITY } = attention;
  const past = cached ? capacity : 0;
  const total = past + length;
  const half = headDim / 2;
  const cos = new Float32Array(batch * length * half);
  const sin = new Float32Array(batch * length * half);
  const bias = new Float32Array(batch * length * total).fill(MASKED);
  const index = new BigInt64Array(batch * length);
  for (let i = 0; i < index.length; i++) index[i] = BigInt(i);
  // A row that takes no part still needs one key to look at: its own.
  for (let row = 0; row < batch; row++)
    for (let i = 0; i < length; i++) bias[(row * length + i) * total + past + i] = 0;
  for (const member of members) {
    const row = member.row - firstRow;
    for (let i = 0; i < length; i++) {
      const position = member.position + i;
      const line = row * length + i;
      for (let f = 0; f < half; f++) {
        const angle = position * (positions.inverseFrequency[f] as number);
        cos[line * half + f] = Math.cos(angle) * positions.attentionFactor;
        sin[line * half + f] = Math.sin(angle) * positions.attentionFactor;
      }
      const from = Math.max(0, position - windowTokens + 1);
      bias.fill(0, line * total + from, line * total + Math.max(from, member.position));
      bias.fill(0, line * total + past + Math.max(0, from - member.position), line * total + past + i + 1);
    }
  }
  const feeds: Record<string, Tensor> = {
    cos: floats(cos, [batch * length, half]),
    sin: floats(sin, [batch * length, half]),
    positions: int64sOf(index, [batch, length]),
    bias: floats(bias, [batch, 1, length, total]),
    split: int64s([past, length], [2]),
  };
  if (heads !== kvHeads) {
    feeds.scores_shape = int64s([batch, heads, length, total], [4]);
    feeds.grouped_shape = int64s([batch, kvHeads, (heads / kvHeads) * length, total], [4]);
  }
  return feeds;
}

function int64sOf(values: BigInt64Array, dims: readonly number[]): Tensor {
  return int64s(Array.from(values, Number), dims);
}
