import type { RowPlan } from './messages.ts';

/** A part of the step that attention takes in one call, [B, S]. */
export interface TokenGroup {
  /** In a decoder: the rank's row that is the first of the batch. */
  readonly firstRow: number;
  readonly batch: number;
  readonly length: number;
  readonly members: readonly RowPlan[];
  /** Place of each member in the batch [members]. */
  readonly places: readonly number[];
  /** Whether cached keys are fed at all: a fresh prompt has none. */
  readonly cached: boolean;
}

/**
 * Groups of a decoder: all single-token rows together as [B, 1] over the rank's rows, gaps included (a masked row costs less than
 * moving a neighbour's cache into the gap), and each longer piece by itself as [1, S] (no padding to the longest).
 */
export function decoderGroups(rows: readonly RowPlan[]): TokenGroup[] {
  const groups: TokenGroup[] = [];
  const single = rows.filter((row) => row.tokens.length === 1);
  if (single.length > 0) {
    const batch = Math.max(...single.map((row) => row.row)) + 1;
    const cached = single.some((row) => row.position > 0);
    groups.push({ firstRow: 0, batch, length: 1, members: single, places: single.map(({ row }) => row), cached });
  }
  for (const row of rows) {
    if (row.tokens.length === 1) continue;
    const { length } = row.tokens;
    groups.push({ firstRow: row.row, batch: 1, length, members: [row], places: [0], cached: row.position > 0 });
  }
  return groups;
}

/** Groups of an encoder: sources of one length together, since nothing cached ties them to rows. */
export function encoderGroups(sources: readonly RowPlan[]): TokenGroup[] {
  const byLength = new Map<number, RowPlan[]>();
  for (const source of sources) {
    const alike = byLength.get(source.tokens.length);
    if (alike === undefined) byLength.set(source.tokens.length, [source]);
    else alike.push(source);
  }
  return [...byLength].map(([length, members]) => ({
    ...{ firstRow: 0, batch: members.length, length, members, cached: false },
    places: members.map((_, place) => place),
  }));
}

/** Where a token stands: its group, and its row in that group's [B * S] matrices. */
export function placeTokens(
  rows: readonly RowPlan[],
  groups: readonly TokenGroup[],
): { group: Uint16Array; at: Int32Array } {
  const tokens = rows.reduce((sum, row) => sum + row.tokens.length, 0);
  const group = new Uint16Array(tokens);
  const at = new Int32Array(tokens);
  const placeOf = new Map<RowPlan, { index: number; place: number }>();
  for (const [index, { members, places }] of groups.entries()) {
    for (const [which, member] of members.entries()) placeOf.set(member, { index, place: places[which] as number });
  }
  let token = 0;
  for (const row of rows) {
    const { index, place } = placeOf.get(row) as { index: number; place: number };
    const { length } = groups[index] as TokenGroup;
    for (let i = 0; i < row.tokens.length; i++, token++) {
      group[token] = index;
      at[token] = place * length + i;
    }
  }
  return { group, at };
}
