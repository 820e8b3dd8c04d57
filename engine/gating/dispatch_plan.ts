/**
 * What a gating policy decides for one layer of one step: which rows each expert gets.
 * A pair is (token t, choice j), numbered t * topK + j; `pairs` lists them expert by expert.
 */
export interface DispatchPlan {
  readonly experts: number;
  readonly topK: number;
  /** Tokens planned. */
  tokens: number;
  /** Real rows per expert [experts]. */
  readonly counts: Int32Array;
  /** Where expert e's pairs begin in `pairs` [experts + 1]. */
  readonly offsets: Int32Array;
  /** Pairs by expert, then by token [tokens * topK used]. */
  pairs: Int32Array;
  /** Position of a pair among its expert's rows [tokens * topK used]: the inverse index. */
  rowOfPair: Int32Array;
  /** Rows that carry no token. */
  paddingRows: number;
  /** Pairs left out for lack of capacity. */
  droppedPairs: number;
}

export function createPlan(experts: number, topK: number): DispatchPlan {
  return {
    experts,
    topK,
    tokens: 0,
    counts: new Int32Array(experts),
    offsets: new Int32Array(experts + 1),
    pairs: new Int32Array(0),
    rowOfPair: new Int32Array(0),
    paddingRows: 0,
    droppedPairs: 0,
  };
}

export function planBytes(plan: DispatchPlan): number {
  return plan.counts.byteLength + plan.offsets.byteLength + plan.pairs.byteLength + plan.rowOfPair.byteLength;
}
