import type { EvictionPolicy } from './policy.ts';
import { ScoredOrder } from './scored_order.ts';

/**
 * Least frequently used: uses are counted over the whole run, also from before an expert was given up. Steps are counted, not
 * tokens: a prompt is one use, since template tokens say little about what decoding needs.
 */
export class Lfu implements EvictionPolicy {
  private readonly order: ScoredOrder;

  constructor(experts: number) {
    this.order = new ScoredOrder(experts);
  }

  onLoad(expert: number): void {
    this.count(expert);
    this.order.load(expert);
  }

  onPrefetch(expert: number): void {
    this.order.load(expert);
  }

  onHit(expert: number): void {
    this.count(expert);
    this.order.hit(expert);
  }

  onEvict(expert: number): void {
    this.order.remove(expert);
  }

  victim(activeStamp: Int32Array, step: number): number {
    return this.order.lowest(activeStamp, step);
  }

  private count(expert: number): void {
    const { scores } = this.order;
    scores[expert] = (scores[expert] as number) + 1;
  }
}
