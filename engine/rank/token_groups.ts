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
 * Longer pieces are joined up to this many tokens: matrix products gain nothing beyond, and scores of more of them no longer stay in
 * the processor's cache (measured at 96 and 2048 wide: 8 x 16 in one call 1.7 to 2.2 times faster than apart, 8 x 128 slower).
 */
const JOINED_TOKENS = 256;

/**
 * Groups of a decoder: all single-token rows together as [B, 1] over the rank's rows, gaps included (a masked row costs less than
 * moving a neighbour's cache into the gap), and longer pieces of one length, side by side in the cache, as [B, S] (no padding to the
 * longest). Fresh prompts stay apart from pieces of begun ones: they have nothing cached to score.
 */
export function decoderGroups(rows: readonly RowPlan[]): TokenGroup[] {
  const single = rows.filter((row) => row.tokens.length === 1);
  const runs = sideBySide(rows.filter((row) => row.tokens.length > 1));
  return [...(single.length > 0 ? [single] : []), ...runs].map((members) => {
    const ids = members.map(({ row }) => row);
    const firstRow = Math.min(...ids);
    return {
      firstRow,
      batch: Math.max(...ids) - firstRow + 1,
      length: members[0]?.tokens.length as number,
      members,
      places: ids.map((row) => row - firstRow),
      cached: members.some(({ position }) => position > 0),
    };
  });
}

/** Pieces in runs of neighbouring rows of one length, fresh or begun alike. */
function sideBySide(rows: readonly RowPlan[]): RowPlan[][] {
  const runs: RowPlan[][] = [];
  for (const row of [...rows].sort((a, b) => a.row - b.row)) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    const { length } = row.tokens;
    const alike = last?.tokens.length === length && last.position > 0 === row.position > 0;
    if (run !== undefined && alike && last.row === row.row - 1 && (run.length + 1) * length <= JOINED_TOKENS)
      run.push(row);
    else runs.push([row]);
  }
  return runs;
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
