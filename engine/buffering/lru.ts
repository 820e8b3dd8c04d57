import { LinkedOrder } from './linked_order.ts';
import type { EvictionPolicy } from './policy.ts';

/**
 * Least recently used. Loads and hits are uses. An inactive expert goes first; where the active set exceeds the cache, the
 * least recently used of the active ones (the one served earliest in this step) goes: a cyclic scan, which is what makes LRU
 * the wrong policy there and the paper's LIFO the right one.
 */
export class Lru implements EvictionPolicy {
  private readonly order: LinkedOrder;

  constructor(experts: number) {
    this.order = new LinkedOrder(experts);
  }

  onLoad(expert: number): void {
    this.order.append(expert);
  }

  onHit(expert: number): void {
    this.order.moveToEnd(expert);
  }

  onEvict(expert: number): void {
    this.order.remove(expert);
  }

  victim(activeStamp: Int32Array, step: number): number {
    const inactive = this.order.oldestInactive(activeStamp, step);
    return inactive === this.order.end ? this.order.oldest() : inactive;
  }
}
