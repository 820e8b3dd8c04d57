import type { DispatchPlan } from './dispatch_plan.ts';
import { NO_EXPERT } from './router.ts';

/**
 * Dynamic gating (paper, section "Dynamic gating"): every expert gets exactly the tokens that chose it. No capacity, no
 * padding, no drops. Steps 2 and 3 of the paper, argsort and bincount, are one counting sort: O(S k + E), stable by token.
 * @param ids chosen experts [tokens, topK] from `at`; NO_EXPERT gets no row
 */
export function planDynamic(plan: DispatchPlan, ids: Uint16Array, at: number, tokens: number): void {
  const { counts, offsets, topK, experts } = plan;
  const pairCount = tokens * topK;
  if (plan.pairs.length < pairCount) {
    plan.pairs = new Int32Array(pairCount);
    plan.rowOfPair = new Int32Array(pairCount);
  }
  const { pairs, rowOfPair } = plan;
  plan.tokens = tokens;
  counts.fill(0);
  for (let pair = 0; pair < pairCount; pair++) {
    const expert = ids[at + pair] as number;
    if (expert === NO_EXPERT) continue;
    const row = counts[expert] as number;
    rowOfPair[pair] = row;
    counts[expert] = row + 1;
  }
  let offset = 0;
  for (let expert = 0; expert < experts; expert++) {
    offsets[expert] = offset;
    offset += counts[expert] as number;
  }
  offsets[experts] = offset;
  for (let pair = 0; pair < pairCount; pair++) {
    const expert = ids[at + pair] as number;
    if (expert === NO_EXPERT) continue;
    pairs[(offsets[expert] as number) + (rowOfPair[pair] as number)] = pair;
  }
  plan.paddingRows = 0;
  plan.droppedPairs = 0;
}
