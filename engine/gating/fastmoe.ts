import type { GatingPolicy } from './policy.ts';
import { sortPairs } from './sort_pairs.ts';

/**
 * FastMoE: counts are exchanged, prefix sums of them give each pair its place, and rows are copied there into one contiguous
 * buffer of k S rows before any expert runs. Its slots are dynamic gating's; what differs is the buffer.
 */
export const fastmoe: GatingPolicy = {
  title: 'FastMoE',
  activeSet: 'routed',
  dispatch: 'buffer',
  blockRows: 1,
  plan: sortPairs,
  bound: ({ tokens, topK }) => ({
    sentRows: tokens * topK,
    arrivedRows: tokens * topK,
    batchRows: tokens * topK,
    maskFloats: 0,
  }),
};
