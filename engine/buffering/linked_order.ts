/**
 * Experts in an order, as a doubly linked list inside two arrays: insert, remove and move in O(1), no allocation.
 * Index `experts` is the sentinel: its `next` is the oldest, its `previous` the newest.
 */
export class LinkedOrder {
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  readonly end: number;
  /**
   * The last step in which no inactive expert was found. Within a step inactive experts only leave, so the answer holds for
   * the rest of it; without it every further miss of a step that exceeds the cache would walk the whole list again.
   */
  private allActiveStep = 0;

  constructor(experts: number) {
    this.end = experts;
    this.next = new Int32Array(experts + 1).fill(experts);
    this.previous = new Int32Array(experts + 1).fill(experts);
  }

  append(expert: number): void {
    this.insertAfter(this.newest(), expert);
  }

  /** `place` is an expert in the list, or `end` for the oldest place. */
  insertAfter(place: number, expert: number): void {
    const { next, previous } = this;
    const after = next[place] as number;
    next[place] = expert;
    previous[expert] = place;
    next[expert] = after;
    previous[after] = expert;
  }

  remove(expert: number): void {
    const { next, previous } = this;
    const before = previous[expert] as number;
    const after = next[expert] as number;
    next[before] = after;
    previous[after] = before;
  }

  /** `end` when empty. */
  oldest(): number {
    return this.next[this.end] as number;
  }

  newest(): number {
    return this.previous[this.end] as number;
  }

  newer(expert: number): number {
    return this.next[expert] as number;
  }

  older(expert: number): number {
    return this.previous[expert] as number;
  }

  /** The first expert from the oldest on that is not in the step's active set; `end` where all are. */
  oldestInactive(activeStamp: Int32Array, step: number): number {
    const { end, next } = this;
    if (this.allActiveStep === step) return end;
    let expert = next[end] as number;
    while (expert !== end && activeStamp[expert] === step) expert = next[expert] as number;
    if (expert === end) this.allActiveStep = step;
    return expert;
  }

  newestInactive(activeStamp: Int32Array, step: number): number {
    const { end, previous } = this;
    if (this.allActiveStep === step) return end;
    let expert = previous[end] as number;
    while (expert !== end && activeStamp[expert] === step) expert = previous[expert] as number;
    if (expert === end) this.allActiveStep = step;
    return expert;
  }
}
