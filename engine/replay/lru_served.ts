import { LinkedOrder } from '../buffering/linked_order.ts';
import type { ActiveSets } from './active_sets.ts';
import { type CachesBySize, cachesOf, type SlotsBySize, type StepCache } from './each_size.ts';

/**
 * LRU as cache studies count it: a use is a moment, so within a step the hits were used before the misses. For comparing with
 * their figures only. It is not the LRU that runs: which experts of a step are hits depends on the size, so two sizes disagree on
 * what is least recent, and a larger cache can miss more (test/buffering/larger_cache.test.ts). On real traces it misses up to
 * 1.1 points more than ours where the cache is little larger than the active set, and the same from a few times that on.
 */
class ServedLru implements StepCache {
  private readonly order: LinkedOrder;
  private readonly resident: Uint8Array;
  private readonly activeStamp: Int32Array;
  private readonly missing: Int32Array;
  private step = 0;
  private held = 0;

  constructor(
    experts: number,
    private readonly slots: number,
  ) {
    this.order = new LinkedOrder(experts);
    this.resident = new Uint8Array(experts);
    this.activeStamp = new Int32Array(experts);
    this.missing = new Int32Array(experts);
  }

  serve(active: Int32Array, from: number, count: number): number {
    const { order, resident, activeStamp, missing } = this;
    const step = ++this.step;
    let misses = 0;
    for (let at = from; at < from + count; at++) {
      const expert = active[at] as number;
      activeStamp[expert] = step;
      if (resident[expert] === 1) {
        order.remove(expert);
        order.append(expert);
      } else missing[misses++] = expert;
    }
    for (let i = 0; i < misses; i++) this.load(missing[i] as number, step);
    return misses;
  }

  private load(expert: number, step: number): void {
    const { order, resident } = this;
    if (this.held === this.slots) {
      const inactive = order.oldestInactive(this.activeStamp, step);
      const victim = inactive === order.end ? order.oldest() : inactive;
      order.remove(victim);
      resident[victim] = 0;
    } else this.held++;
    order.append(expert);
    resident[expert] = 1;
  }
}

export function servedLruCaches(sets: ActiveSets, slots: SlotsBySize): CachesBySize {
  return { caches: cachesOf(sets, slots, (size) => new ServedLru(sets.experts, size)), order: 'by layer' };
}
