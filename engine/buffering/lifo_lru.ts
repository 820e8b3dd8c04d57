import { LinkedOrder } from './linked_order.ts';
import type { EvictionPolicy } from './policy.ts';
import { UseOrder } from './use_order.ts';

/**
 * The paper's rule, second reading: among the experts not active in this batch the least recently used goes first; if all
 * are active, last in, first out by load, a hit not renewing "in" (see lifo.ts). Equal to LRU while the active set fits.
 */
export class LifoLru implements EvictionPolicy {
  private readonly loads: LinkedOrder;
  private readonly uses: UseOrder;

  constructor(experts: number) {
    this.loads = new LinkedOrder(experts);
    this.uses = new UseOrder(experts);
  }

  onLoad(expert: number, step: number): void {
    this.loads.append(expert);
    this.uses.load(expert, step);
  }

  onHit(expert: number, step: number): void {
    this.uses.hit(expert, step);
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
