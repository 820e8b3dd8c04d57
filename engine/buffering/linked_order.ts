/**
 * Experts in an order, as a doubly linked list inside two arrays: insert, remove and move in O(1), no allocation.
 * Index `experts` is the sentinel: its `next` is the oldest, its `previous` the newest.
 */
export class LinkedOrder {
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  readonly end: number;

  constructor(experts: number) {
    this.end = experts;
    this.next = new Int32Array(experts + 1).fill(experts);
    this.previous = new Int32Array(experts + 1).fill(experts);
  }

  append(expert: number): void {
    const { end, next, previous } = this;
    const last = previous[end] as number;
    next[last] = expert;
    previous[expert] = last;
    next[expert] = end;
    previous[end] = expert;
  }

  remove(expert: number): void {
    const { next, previous } = this;
    const before = previous[expert] as number;
    const after = next[expert] as number;
    next[before] = after;
    previous[after] = before;
  }

  moveToEnd(expert: number): void {
    if (this.newest() === expert) return;
    this.remove(expert);
    this.append(expert);
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
    let expert = this.oldest();
    while (expert !== this.end && activeStamp[expert] === step) expert = this.newer(expert);
    return expert;
  }

  newestInactive(activeStamp: Int32Array, step: number): number {
    let expert = this.newest();
    while (expert !== this.end && activeStamp[expert] === step) expert = this.older(expert);
    return expert;
  }
}
