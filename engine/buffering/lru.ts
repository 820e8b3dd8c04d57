import type { EvictionPolicy } from './policy.ts';
import { UseOrder } from './use_order.ts';

/**
 * Least recently used, event by event: loads and hits are uses, the experts of one step are used together (lowest id first,
 * see use_order.ts), and an inactive expert goes before an active one. Where a step's active set exceeds the cache, the
 * lowest id of the active residents goes. Cache studies order a step's experts as they are served, which breaks law 5; theirs is in
 * replay/lru_served.ts, to compare with.
 *
 * A larger cache never has missed more (law 5), whatever the active sets. It holds all that the smaller one holds while each
 * active set fits one of the two, and always when it has two slots more. With one slot more and a step that exceeds both, it
 * can lack the one expert that the smaller cache missed last; that expert was a hit in the larger one then, which pays for the
 * miss that may follow.
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
