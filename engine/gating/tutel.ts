import { fillCapacity } from './fill_capacity.ts';
import type { GatingPolicy } from './policy.ts';
import { NO_EXPERT } from './router.ts';

/**
 * Tutel: every expert gets the same number of rows, in a buffer of zeros that a sparse copy fills; no mask, no matrix product.
 * With factor f > 0 that number is k int(f ceil(S / E)), f times an even share; with f = 0 the largest real count over all experts
 * and ranks, so that nothing is dropped; with f < 0 the smaller of the two. (Where f rounds to no row at all, one is kept.)
 */
export const tutel: GatingPolicy = {
  title: 'Tutel',
  activeSet: 'all',
  dispatch: 'buffer',
  blockRows: 1,
  plan(plan, ids, at, tokens, { tutelFactor }, allReduceMax) {
    const share = shareRows(tutelFactor, tokens, plan.experts, plan.topK);
    if (tutelFactor > 0) {
      fillCapacity(plan, ids, at, tokens, share);
      return;
    }
    const busiest = allReduceMax(largestCount(plan.counts, ids, at, tokens * plan.topK));
    fillCapacity(plan, ids, at, tokens, tutelFactor < 0 ? Math.min(busiest, share) : busiest);
  },
  bound: ({ tokens, experts, topK, ranks, expertsPerDevice }, { tutelFactor }) => {
    const share = shareRows(tutelFactor, tokens, experts, topK);
    // No expert is chosen twice by a token: the busiest one has S rows at most.
    const rows = tutelFactor > 0 ? share : tutelFactor < 0 ? Math.min(tokens, share) : tokens;
    const arrivedRows = expertsPerDevice * ranks * rows;
    return { sentRows: experts * rows, arrivedRows, batchRows: arrivedRows, maskFloats: 0 };
  },
};

/** k int(|f| ceil(S / E)), at least 1 where there is a token. */
export function shareRows(factor: number, tokens: number, experts: number, topK: number): number {
  if (tokens === 0) return 0;
  return Math.max(1, topK * Math.trunc(Math.abs(factor) * Math.ceil(tokens / experts)));
}

/** @param counts scratch [experts] */
function largestCount(counts: Int32Array, ids: Uint16Array, at: number, pairs: number): number {
  counts.fill(0);
  let largest = 0;
  for (let pair = at; pair < at + pairs; pair++) {
    const expert = ids[pair] as number;
    if (expert === NO_EXPERT) continue;
    const count = (counts[expert] as number) + 1;
    counts[expert] = count;
    if (count > largest) largest = count;
  }
  return largest;
}
