import { type DispatchPlan, fitPlan } from './dispatch_plan.ts';
import { NO_EXPERT } from './router.ts';

/**
 * Every pair to its expert, stable by token: argsort and bincount in one counting sort, O(S k + E). Nothing is padded, nothing
 * dropped.
 * @param ids chosen experts [tokens, topK] from `at`; NO_EXPERT gets no row
 */
export function sortPairs(plan: DispatchPlan, ids: Uint16Array, at: number, tokens: number): void {
  fitPlan(plan, tokens);
  const { counts, offsets, topK, experts, pairs, rowOfPair } = plan;
  const pairCount = tokens * topK;
  counts.fill(0);
  for (let pair = 0; pair < pairCount; pair++) {
    const expert = ids[at + pair] as number;
    if (expert === NO_EXPERT) {
      rowOfPair[pair] = -1;
      continue;
    }
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
  plan.sizes = counts;
  plan.capacity = 0;
  plan.slots = offset;
  plan.paddingRows = 0;
  plan.droppedPairs = 0;
  plan.exchangedRows = offset;
}
