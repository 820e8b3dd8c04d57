import { LinkedOrder } from './linked_order.ts';
import type { EvictionPolicy } from './policy.ts';

/** First in, first out among the inactive experts; among all where every one is active. A hit changes nothing. */
export class Fifo implements EvictionPolicy {
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
    const inactive = this.order.oldestInactive(activeStamp, step);
    return inactive === this.order.end ? this.order.oldest() : inactive;
  }
}
