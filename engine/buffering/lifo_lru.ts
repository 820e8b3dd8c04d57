import { LinkedOrder } from './linked_order.ts';
import type { EvictionPolicy } from './policy.ts';

/**
 * The paper's rule, second reading: among the experts not active in this batch the least recently used goes first; if all
 * are active, last in, first out by load. Equal to LRU while the active set fits, and to LIFO where it does not.
 */
export class LifoLru implements EvictionPolicy {
  private readonly loads: LinkedOrder;
  private readonly uses: LinkedOrder;

  constructor(experts: number) {
    this.loads = new LinkedOrder(experts);
    this.uses = new LinkedOrder(experts);
  }

  onLoad(expert: number): void {
    this.loads.append(expert);
    this.uses.append(expert);
  }

  onHit(expert: number): void {
    this.uses.moveToEnd(expert);
  }

  onEvict(expert: number): void {
    this.loads.remove(expert);
    this.uses.remove(expert);
  }

  victim(activeStamp: Int32Array, step: number): number {
    const inactive = this.uses.oldestInactive(activeStamp, step);
    return inactive === this.uses.end ? this.loads.newest() : inactive;
  }
}
