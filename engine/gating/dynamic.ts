import type { GatingPolicy } from './policy.ts';
import { sortPairs } from './sort_pairs.ts';

/**
 * Dynamic gating (paper, section "Dynamic Gating"): every expert gets exactly the tokens that chose it. No capacity, no padding,
 * no drops; a token's row is shown once and gathered by index when its expert runs.
 */
export const dynamic: GatingPolicy = {
  title: 'Dynamic (paper)',
  activeSet: 'routed',
  dispatch: 'gather',
  blockRows: 1,
  plan: sortPairs,
  bound: ({ tokens, topK }) => ({
    sentRows: tokens,
    arrivedRows: tokens * topK,
    batchRows: tokens * topK,
    maskFloats: 0,
  }),
};
