import type { CacheView, EvictionPolicy } from './policy.ts';
import { UseOrder } from './use_order.ts';

/** A hot set is not taken from fewer steps. */
export const PIN_STEPS = 32;

/**
 * Static pinning: the experts used in most steps so far are never given up; the others share what slots are left, least recently
 * used first. One slot stays free of it, since an expert that is not pinned must run somewhere.
 *
 * The set is chosen when the policy is (and 32 steps have been seen; until then it is LRU), anew when the size changes, and 32
 * steps after a pinned expert was taken away, to another device. A pinned expert comes in when it is first used, not before.
 */
export class Pinned implements EvictionPolicy {
  private readonly order: UseOrder;
  private readonly pinned: Uint8Array;
  private pinnedFor = 0;
  private due = PIN_STEPS;

  constructor(
    experts: number,
    private readonly cache: CacheView,
  ) {
    this.order = new UseOrder(experts);
    this.pinned = new Uint8Array(experts);
    this.pinWhereDue();
  }

  openStep(): void {
    this.pinWhereDue();
  }

  onLoad(expert: number, step: number): void {
    this.order.load(expert, step);
  }

  onHit(expert: number, step: number): void {
    this.order.hit(expert, step);
  }

  onEvict(expert: number): void {
    if (this.pinned[expert] === 1) this.due = this.cache.steps + PIN_STEPS;
    this.order.remove(expert);
  }

  victim(activeStamp: Int32Array, step: number): number {
    this.pinWhereDue();
    const { order, pinned } = this;
    // What this step needs was served, or is about to be served from the slot that is asked for: an active expert may go
    // before a pinned one.
    let active = order.end;
    for (let expert = order.oldest(); expert !== order.end; expert = order.newer(expert)) {
      if (pinned[expert] === 1) continue;
      if (activeStamp[expert] !== step) return expert;
      if (active === order.end) active = expert;
    }
    if (active !== order.end) return active;
    const inactive = order.oldestInactive(activeStamp, step);
    return inactive === order.end ? order.oldest() : inactive;
  }

  private pinWhereDue(): void {
    const { steps, capacity } = this.cache;
    const resized = this.pinnedFor !== 0 && this.pinnedFor !== capacity;
    if (steps < this.due && !resized) return;
    this.due = Number.POSITIVE_INFINITY;
    this.pinnedFor = capacity;
    this.pin(capacity - 1);
  }

  private pin(slots: number): void {
    const { uses } = this.cache;
    const used = Array.from(uses.keys()).filter((expert) => (uses[expert] as number) > 0);
    used.sort((a, b) => (uses[b] as number) - (uses[a] as number) || a - b);
    this.pinned.fill(0);
    for (const expert of used.slice(0, slots)) this.pinned[expert] = 1;
  }
}
