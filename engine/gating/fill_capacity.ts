import { type DispatchPlan, fitPlan } from './dispatch_plan.ts';
import { NO_EXPERT } from './router.ts';

/**
 * Every expert gets `capacity` rows. A pair takes its expert's first free one, or is dropped where none is left: all first choices
 * in order of tokens, then all second ones, so that a token's better choices are the last to go (GShard and Tutel count alike).
 * @param ids chosen experts [tokens, topK] from `at`; NO_EXPERT gets no row and is not counted as dropped
 */
export function fillCapacity(plan: DispatchPlan, ids: Uint16Array, at: number, tokens: number, capacity: number): void {
  fitPlan(plan, tokens);
  const { counts, offsets, topK, experts, pairs, rowOfPair } = plan;
  counts.fill(0);
  let kept = 0;
  let dropped = 0;
  for (let choice = 0; choice < topK; choice++) {
    for (let pair = choice; pair < tokens * topK; pair += topK) {
      const expert = ids[at + pair] as number;
      rowOfPair[pair] = -1;
      if (expert === NO_EXPERT) continue;
      const row = counts[expert] as number;
      if (row < capacity) {
        rowOfPair[pair] = row;
        counts[expert] = row + 1;
        kept++;
      } else dropped++;
    }
  }
  let offset = 0;
  for (let expert = 0; expert < experts; expert++) {
    offsets[expert] = offset;
    offset += counts[expert] as number;
  }
  offsets[experts] = offset;
  for (let pair = 0; pair < tokens * topK; pair++) {
    const row = rowOfPair[pair] as number;
    if (row >= 0) pairs[(offsets[ids[at + pair] as number] as number) + row] = pair;
  }
  if (plan.sizes === counts) plan.sizes = new Int32Array(experts);
  plan.sizes.fill(capacity);
  plan.capacity = capacity;
  plan.slots = experts * capacity;
  plan.paddingRows = plan.slots - kept;
  plan.droppedPairs = dropped;
  plan.exchangedRows = plan.slots;
}
