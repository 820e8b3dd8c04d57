import type { ActiveSets } from './active_sets.ts';
import type { Depths } from './depths.ts';
import { ExpertStack } from './expert_stack.ts';

/**
 * Every size of an LRU cache at once, exact to the unit: experts stand most recent first, within a step the highest id first
 * (use_order.ts).
 *
 * But for one case. A step that needs more than C experts has to serve them all; if the cache held just those C that stay on
 * top, the last one it loads takes the place of the C-th: it then holds number C + 1 of the stack in place of number C. Such
 * sizes are marked, and stay so until a step uses anything but what stands above number C.
 */
export class LruStack extends ExpertStack {
  /** Experts that the step does not use and that move down, in their order. */
  private readonly passed: Uint16Array;
  /** Whether a size holds number C + 1 of the stack in place of number C. */
  private readonly marked: Uint8Array;
  private largestMark = 0;

  constructor(experts: number) {
    super(experts);
    this.passed = new Uint16Array(experts);
    this.marked = new Uint8Array(experts + 2);
  }

  /** Puts the step's experts on top. */
  protected override lift(ids: ActiveSets['ids'], from: number, to: number): void {
    const { stack, stamp, stamps, depthOf, passed, length } = this;
    const count = to - from;
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

  protected override count(ids: ActiveSets['ids'], from: number, to: number, depths: Depths): void {
    super.count(ids, from, to, depths);
    const { depthOf, marked } = this;
    if (this.largestMark === 0) return;
    for (let i = from; i < to; i++) {
      const depth = depthOf[ids[i] as number] as number;
      if (marked[depth] === 1) depths.addMisses(depth, 1);
      if (marked[depth - 1] === 1) depths.addMisses(depth - 1, -1);
    }
  }

  /** Marks the sizes that the special case holds for. */
  protected override close(ids: ActiveSets['ids'], from: number, to: number): void {
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
