/**
 * What a gating policy decides for one layer of one step: which rows each expert gets.
 * A pair is (token t, choice j), numbered t * topK + j; `pairs` lists the kept ones expert by expert.
 */
export interface DispatchPlan {
  readonly experts: number;
  readonly topK: number;
  /** Tokens planned. */
  tokens: number;
  /** Real rows per expert [experts]. */
  readonly counts: Int32Array;
  /** Rows that this rank sends to each expert, padding included [experts]; `counts` itself where nothing is padded. */
  sizes: Int32Array;
  /** Where expert e's pairs begin in `pairs` [experts + 1]. */
  readonly offsets: Int32Array;
  /** Kept pairs by expert, then by their row there [tokens * topK used]. */
  pairs: Int32Array;
  /** Position of a pair among its expert's rows, -1 where it has none [tokens * topK used]: the inverse index. */
  rowOfPair: Int32Array;
  /** Rows of each expert where all are equal; 0 where sizes vary. */
  capacity: number;
  /** Rows that experts run for this plan alone: real ones and padding. */
  slots: number;
  paddingRows: number;
  /** Pairs left out for lack of capacity: only the residual stream carries that token past the expert. */
  droppedPairs: number;
  /** Rows that cross to the experts when every one of them is on another device; as many come back. */
  exchangedRows: number;
}

export function createPlan(experts: number, topK: number): DispatchPlan {
  const counts = new Int32Array(experts);
  return {
    experts,
    topK,
    tokens: 0,
    counts,
    sizes: counts,
    offsets: new Int32Array(experts + 1),
    pairs: new Int32Array(0),
    rowOfPair: new Int32Array(0),
    capacity: 0,
    slots: 0,
    paddingRows: 0,
    droppedPairs: 0,
    exchangedRows: 0,
  };
}

/** Makes room for a call's pairs. */
export function fitPlan(plan: DispatchPlan, tokens: number): void {
  const pairCount = tokens * plan.topK;
  plan.tokens = tokens;
  if (plan.pairs.length >= pairCount) return;
  plan.pairs = new Int32Array(pairCount);
  plan.rowOfPair = new Int32Array(pairCount);
}

export function planBytes(plan: DispatchPlan): number {
  const { counts, sizes, offsets, pairs, rowOfPair } = plan;
  const own = sizes === counts ? 0 : sizes.byteLength;
  return counts.byteLength + own + offsets.byteLength + pairs.byteLength + rowOfPair.byteLength;
}
