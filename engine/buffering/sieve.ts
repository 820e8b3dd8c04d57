import { LinkedOrder } from './linked_order.ts';
import type { EvictionPolicy } from './policy.ts';

/**
 * SIEVE (Zhang et al., NSDI 2024): a queue in order of loading that nothing moves in, and a hand that goes from the oldest to
 * the newest and round again. An expert used since the hand last passed is spared once; the first that was not goes.
 * The hand passes over a step's active experts without taking their mark, unless every resident is active.
 */
export class Sieve implements EvictionPolicy {
  private readonly order: LinkedOrder;
  private readonly visited: Uint8Array;
  /** `end`: at the oldest. */
  private hand: number;

  constructor(experts: number) {
    this.order = new LinkedOrder(experts);
    this.visited = new Uint8Array(experts);
    this.hand = this.order.end;
  }

  onLoad(expert: number): void {
    this.visited[expert] = 0;
    this.order.append(expert);
  }

  onHit(expert: number): void {
    this.visited[expert] = 1;
  }

  onEvict(expert: number): void {
    if (expert === this.hand) this.hand = this.order.newer(expert);
    this.order.remove(expert);
  }

  victim(activeStamp: Int32Array, step: number): number {
    const { order, visited } = this;
    const allActive = order.oldestInactive(activeStamp, step) === order.end;
    for (let expert = this.hand; ; expert = order.newer(expert)) {
      if (expert === order.end) expert = order.oldest();
      if (!allActive && activeStamp[expert] === step) continue;
      this.hand = expert;
      if (visited[expert] === 0) return expert;
      visited[expert] = 0;
    }
  }
}
