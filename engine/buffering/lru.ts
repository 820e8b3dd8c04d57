import type { EvictionPolicy } from './policy.ts';
import { UseOrder } from './use_order.ts';

/**
 * Least recently used, event by event: loads and hits are uses, the experts of one step are used together (lowest id first,
 * see use_order.ts), and an inactive expert goes before an active one. Where a step's active set exceeds the cache, the
 * lowest id of the active residents goes.
 *
 * A larger cache never misses more, whatever the active sets (law 5; every sequence of up to 6 experts was tried). It also
 * holds all that a smaller one holds, except where a step exceeds both and it has one slot more: the last miss of a step must
 * be resident after it, and is another one then. It has missed less by that time.
 */
export class Lru implements EvictionPolicy {
  private readonly uses: UseOrder;

  constructor(experts: number) {
    this.uses = new UseOrder(experts);
  }

  onLoad(expert: number, step: number): void {
    this.uses.load(expert, step);
  }

  onHit(expert: number, step: number): void {
    this.uses.hit(expert, step);
  }

  onEvict(expert: number): void {
    this.uses.remove(expert);
  }

  victim(activeStamp: Int32Array, step: number): number {
    const inactive = this.uses.oldestInactive(activeStamp, step);
    return inactive === this.uses.end ? this.uses.oldest() : inactive;
  }
}
