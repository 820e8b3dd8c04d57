import { LinkedOrder } from './linked_order.ts';

/**
 * Experts by last use, each with a score: the lowest goes first, of equal ones the least recently used. Scores belong to
 * experts, resident or not: what was learnt of one outlives its stay.
 *
 * Recent use goes by serving order here, hits before loads within a step, as studies of these policies count it: unlike an LRU
 * they promise nothing of a larger cache, so the order by id of use_order.ts would buy nothing.
 *
 * The lowest is looked for among all residents when a slot is needed. A heap was rejected: active experts are passed over, and
 * where a score falls with age the order of the residents changes in every step.
 */
export class ScoredOrder extends LinkedOrder {
  /** @param scores kept by someone else, where given */
  constructor(
    experts: number,
    readonly scores: Float64Array = new Float64Array(experts),
  ) {
    super(experts);
  }

  load(expert: number): void {
    this.append(expert);
  }

  hit(expert: number): void {
    this.remove(expert);
    this.append(expert);
  }

  /** An inactive expert where there is one. */
  lowest(activeStamp: Int32Array, step: number): number {
    const { end, scores } = this;
    const inactive = this.oldestInactive(activeStamp, step);
    const allActive = inactive === end;
    let lowest = allActive ? this.oldest() : inactive;
    for (let expert = this.newer(lowest); expert !== end; expert = this.newer(expert)) {
      if (!allActive && activeStamp[expert] === step) continue;
      if ((scores[expert] as number) < (scores[lowest] as number)) lowest = expert;
    }
    return lowest;
  }
}
