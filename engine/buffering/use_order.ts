import { LinkedOrder } from './linked_order.ts';

/**
 * Experts by last use, least recent first. A step uses its experts together, so within a step they are ordered by id, not by
 * when they were served.
 *
 * Serving order was rejected: it puts a step's hits before its misses, and which of the two an expert is depends on the size
 * of the cache. Two sizes would then disagree on what is least recent, and a larger cache could miss more (law 5).
 */
export class UseOrder extends LinkedOrder {
  /** Step of the last use; one more for the sentinel, which no step uses. */
  private readonly usedAt: Int32Array;
  /** The expert added last, or what took its place when it was removed: a step's ids rise, so the next one goes behind it. */
  private last: number;
  private lastStep = 0;

  constructor(experts: number) {
    super(experts);
    this.usedAt = new Int32Array(experts + 1);
    this.last = this.end;
  }

  /** Enters an expert. `step` rises from call to call or stays; the ids added in a step rise. */
  add(expert: number, step: number): void {
    const { usedAt } = this;
    usedAt[expert] = step;
    let place = this.last;
    if (this.lastStep === step) {
      // The sentinel's index is above every id.
      for (let next = this.newer(place); next < expert; next = this.newer(place)) place = next;
    } else {
      place = this.newest();
      while (usedAt[place] === step && place > expert) place = this.older(place);
    }
    this.insertAfter(place, expert);
    this.last = expert;
    this.lastStep = step;
  }

  /** Renews an expert's use. The ids used in a step rise, and come before those added in it. */
  use(expert: number, step: number): void {
    this.usedAt[expert] = step;
    super.remove(expert);
    this.append(expert);
  }

  override remove(expert: number): void {
    if (expert === this.last) this.last = this.older(expert);
    super.remove(expert);
  }
}
