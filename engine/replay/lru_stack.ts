import type { ActiveSets } from './active_sets.ts';
import type { Depths } from './depths.ts';

/**
 * Every size of an LRU cache at once (Mattson et al., 1970), for one layer on one device, exact to the unit: experts stand in a
 * stack, most recent first, within a step the highest id first (use_order.ts), and a cache of C slots holds the upper C.
 *
 * But for one case. A step that needs more than C experts has to serve them all; if the cache held just those C that stay on
 * top, the last one it loads takes the place of the C-th: it then holds number C + 1 of the stack in place of number C. Such
 * sizes are marked, and stay so until a step uses anything but what stands above number C.
 */
export class LruStack {
  /** Most recent first. */
  private readonly stack: Uint16Array;
  private length = 0;
  private readonly depthOf: Int32Array;
  private readonly stamps: Int32Array;
  private stamp = 0;
  /** Experts that the step does not use and that move down, in their order. */
  private readonly passed: Uint16Array;
  /** Whether a size holds number C + 1 of the stack in place of number C. */
  private readonly marked: Uint8Array;
  private largestMark = 0;

  constructor(private readonly experts: number) {
    this.stack = new Uint16Array(experts);
    this.depthOf = new Int32Array(experts);
    this.stamps = new Int32Array(experts);
    this.passed = new Uint16Array(experts);
    this.marked = new Uint8Array(experts + 2);
  }

  /**
   * @param ids the step's experts are ids[from, to), ascending and distinct
   * @param depths where its accesses are counted; absent: nowhere
   * @returns how many of them were never used before
   */
  event(ids: ActiveSets['ids'], from: number, to: number, depths: Depths | undefined): number {
    const before = this.length;
    this.lift(ids, from, to);
    if (depths !== undefined) this.count(ids, from, to, depths);
    this.mark(ids, from, to);
    return this.length - before;
  }

  /** Notes how deep each expert of the step stands, then puts them on top. */
  private lift(ids: ActiveSets['ids'], from: number, to: number): void {
    const { stack, stamps, depthOf, passed, length } = this;
    const count = to - from;
    const stamp = ++this.stamp;
    for (let i = from; i < to; i++) {
      const expert = ids[i] as number;
      stamps[expert] = stamp;
      depthOf[expert] = this.experts + 1;
    }
    let seen = 0;
    let at = 0;
    // Without branches: whether the step uses the next expert is what a branch predictor cannot know.
    for (const end = Math.min(count, length); at < end; at++) {
      const expert = stack[at] as number;
      depthOf[expert] = at + 1;
      passed[seen] = expert;
      seen += stamps[expert] === stamp ? 0 : 1;
    }
    let placed = 0;
    // Once every expert of the step has been met, what stands below stays.
    for (; at < length && placed !== seen; at++) {
      const expert = stack[at] as number;
      depthOf[expert] = at + 1;
      passed[seen] = expert;
      seen += stamps[expert] === stamp ? 0 : 1;
      stack[at] = passed[placed] as number;
      placed++;
    }
    if (at === length) {
      for (; placed < seen; placed++) stack[count + placed] = passed[placed] as number;
      this.length = count + seen;
    }
    for (let i = 0; i < count; i++) stack[i] = ids[to - 1 - i] as number;
  }

  private count(ids: ActiveSets['ids'], from: number, to: number, depths: Depths): void {
    const { depthOf, marked } = this;
    for (let i = from; i < to; i++) depths.add(depthOf[ids[i] as number] as number);
    if (this.largestMark === 0) return;
    for (let i = from; i < to; i++) {
      const depth = depthOf[ids[i] as number] as number;
      if (marked[depth] === 1) depths.addMisses(depth, 1);
      if (marked[depth - 1] === 1) depths.addMisses(depth - 1, -1);
    }
  }

  private mark(ids: ActiveSets['ids'], from: number, to: number): void {
    const { depthOf, marked, largestMark } = this;
    const count = to - from;
    let deepest = 0;
    let largest = 0;
    // Sizes that the step exceeds: did the cache hold just the `size` highest ids?
    for (let size = 1; size < count; size++) {
      deepest = Math.max(deepest, depthOf[ids[to - size] as number] as number);
      if (deepest > count && largestMark === 0) break;
      const held = marked[size] === 1 ? this.holdsHighest(ids, to, size) : deepest <= size;
      marked[size] = held ? 1 : 0;
      if (held) largest = size;
    }
    if (largestMark >= count) {
      deepest = 0;
      for (let i = from; i < to; i++) deepest = Math.max(deepest, depthOf[ids[i] as number] as number);
      for (let size = count; size <= largestMark; size++) {
        if (marked[size] === 1 && deepest < size) largest = size;
        else marked[size] = 0;
      }
    }
    this.largestMark = largest;
  }

  /** A marked size holds all above its own number, and the one below it. */
  private holdsHighest(ids: ActiveSets['ids'], to: number, size: number): boolean {
    for (let i = to - size; i < to; i++) {
      const depth = this.depthOf[ids[i] as number] as number;
      if (depth === size || depth > size + 1) return false;
    }
    return true;
  }
}
