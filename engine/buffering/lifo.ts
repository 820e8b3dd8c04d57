import { LinkedOrder } from './linked_order.ts';
import type { EvictionPolicy } from './policy.ts';

/**
 * The paper's rule, read literally: an expert not active in this batch first, otherwise last in, first out, and the same LIFO
 * order among the inactive ones. The paper (section on Expert Buffering) orders neither the inactive candidates nor says
 * whether a hit renews the time of entry; here "in" is the load, and a hit changes nothing. See lifo_lru.ts for the other reading.
 */
export class Lifo implements EvictionPolicy {
  private readonly order: LinkedOrder;

  constructor(experts: number) {
    this.order = new LinkedOrder(experts);
  }

  onLoad(expert: number): void {
    this.order.append(expert);
  }

  onHit(): void {}

  onEvict(expert: number): void {
    this.order.remove(expert);
  }

  victim(activeStamp: Int32Array, step: number): number {
    const inactive = this.order.newestInactive(activeStamp, step);
    return inactive === this.order.end ? this.order.newest() : inactive;
  }
}
