import { LinkedOrder } from './linked_order.ts';

/**
 * Experts by last use, least recent first. A step uses its experts together, so within a step they are ordered by id, not by
 * when they were served.
 *
 * Serving order was rejected: it puts a step's hits before its misses, and which of the two an expert is depends on the size
 * of the cache. Two sizes would then disagree on what is least recent, and a larger cache could miss more (law 5).
 *
 * Calls of one step must come as the expert cache makes them: hits by rising id, then loads by rising id.
 */
export class UseOrder extends LinkedOrder {
  /** Behind this expert stand only experts used in `step`; the next load's place is behind it too. */
  private last: number;
  private step = 0;

  constructor(experts: number) {
    super(experts);
    this.last = this.end;
  }

  load(expert: number, step: number): void {
    this.open(step);
    let place = this.last;
    // Ends at the sentinel, whose index is above every id.
    for (let next = this.newer(place); next < expert; next = this.newer(place)) place = next;
    this.insertAfter(place, expert);
    this.last = expert;
  }

  hit(expert: number, step: number): void {
    this.remove(expert);
    this.open(step);
    this.append(expert);
  }

  override remove(expert: number): void {
    if (expert === this.last) this.last = this.older(expert);
    super.remove(expert);
  }

  private open(step: number): void {
    if (step === this.step) return;
    this.step = step;
    this.last = this.newest();
  }
}
