/**
 * Residents with a score each: the lowest goes first, of equal ones the least recently used. Scores belong to experts, resident or
 * not: what was learnt of one outlives its stay.
 *
 * Recent use goes by serving order here, hits before loads within a step, as studies of these policies count it: unlike an LRU
 * they promise nothing of a larger cache, so the order by id of use_order.ts would buy nothing.
 *
 * The lowest is looked for among all residents when a slot is needed, in an array without order: following a list would wait for
 * each next one. A heap was rejected: active experts are passed over, and where a score falls with age the order of the residents
 * changes in every step.
 */
export class ScoredOrder {
  /** Residents, in the first `count` places. */
  readonly held: Int32Array;
  count = 0;
  private readonly placeOf: Int32Array;
  /** Number of the last service. */
  private readonly served: Int32Array;
  private services = 0;
  /** The last step in which every resident was found active: within a step inactive ones only leave. */
  private allActiveStep = 0;

  /** @param scores kept by someone else, where given */
  constructor(
    experts: number,
    readonly scores: Float64Array = new Float64Array(experts),
  ) {
    this.held = new Int32Array(experts);
    this.placeOf = new Int32Array(experts);
    this.served = new Int32Array(experts);
  }

  load(expert: number): void {
    this.held[this.count] = expert;
    this.placeOf[expert] = this.count++;
    this.served[expert] = ++this.services;
  }

  hit(expert: number): void {
    this.served[expert] = ++this.services;
  }

  remove(expert: number): void {
    const place = this.placeOf[expert] as number;
    const last = this.held[--this.count] as number;
    this.held[place] = last;
    this.placeOf[last] = place;
  }

  /** An inactive expert where there is one. */
  lowest(activeStamp: Int32Array, step: number): number {
    if (this.allActiveStep !== step) {
      const inactive = this.lowestOf(activeStamp, step);
      if (inactive !== -1) return inactive;
      this.allActiveStep = step;
    }
    // No step has this number: none is passed over.
    return this.lowestOf(activeStamp, -1);
  }

  /** Of those that are not in the step's active set; -1 where all are. */
  private lowestOf(activeStamp: Int32Array, step: number): number {
    const { held, scores, served, count } = this;
    let lowest = -1;
    let score = Number.POSITIVE_INFINITY;
    for (let place = 0; place < count; place++) {
      const expert = held[place] as number;
      const own = scores[expert] as number;
      // First what rules out most: that an expert is active seldom does.
      if (own > score || activeStamp[expert] === step) continue;
      if (own === score && (served[expert] as number) > (served[lowest] as number)) continue;
      lowest = expert;
      score = own;
    }
    return lowest;
  }
}
