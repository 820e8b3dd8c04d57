import type { RowPlan } from './messages.ts';

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
