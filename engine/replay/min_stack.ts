import type { ActiveSets } from './active_sets.ts';
import { ExpertStack } from './expert_stack.ts';

/** Next use of an expert that is not used again. */
const NEVER = 0x7fffffff;

/** Step in which each id of `sets` is needed next on its device, NEVER where it is not again [ids]. */
export function nextUses(sets: ActiveSets): Int32Array {
  const { steps, moeLayers, devices, experts, ids, offsets } = sets;
  const stacks = moeLayers * devices;
  const next = new Int32Array(ids.length);
  const later = new Int32Array(stacks * experts).fill(NEVER);
  for (let step = steps - 1; step >= 0; step--) {
    for (let stack = 0; stack < stacks; stack++) {
      const event = step * stacks + stack;
      const end = offsets[event + 1] as number;
      for (let i = offsets[event] as number; i < end; i++) {
        const at = stack * experts + (ids[i] as number);
        next[i] = later[at] as number;
        later[at] = step;
      }
    }
  }
  return next;
}

/**
 * Belady's MIN at every size at once: the floor of every policy that keeps a step's experts while any
 * other resident is left, since it knows the future. (Pinning does not keep them, and can miss less.) A step's
 * experts that are held are hits, every other one is loaded, and what is kept beside them are the residents of the nearest next
 * use; an expert of the step itself is given up only where the step needs more than the cache holds. Then the ones of the
 * nearest next use are kept: not the last that was loaded, as a real cache would have to.
 *
 * A cache of C slots holds all that one of C - 1 holds, so experts stand in a stack, and each step sorts it
 * anew down to its deepest expert: what is displaced on the way is carried along, and the place gets the best of it. Which of two
 * experts next used in the same step stays makes no difference: one of them is missed then.
 */
export class MinStack extends ExpertStack {
  private readonly nextUse: Int32Array;
  /** Experts carried along, the best last, and their next uses. */
  private readonly carried: Int32Array;
  private readonly carriedUse: Int32Array;

  /** @param next next uses, parallel to the ids of all events */
  constructor(
    experts: number,
    private readonly next: Int32Array,
  ) {
    super(experts);
    this.nextUse = new Int32Array(experts);
    this.carried = new Int32Array(experts + 1);
    this.carriedUse = new Int32Array(experts + 1);
    // Never passed: nothing is used later.
    this.carriedUse[0] = NEVER;
  }

  protected override lift(ids: ActiveSets['ids'], from: number, to: number): void {
    const { stack, stamp, stamps, depthOf, nextUse, carried, carriedUse, length } = this;
    const count = to - from;
    for (let i = from; i < to; i++) nextUse[ids[i] as number] = this.next[i] as number;
    // Place 0 is a sentinel.
    let best = 0;
    let at = 0;
    for (; at < length; at++) {
      if (at >= count && best === 0) break;
      const expert = stack[at] as number;
      if (stamps[expert] === stamp) depthOf[expert] = at + 1;
      else {
        const use = nextUse[expert] as number;
        // The usual case: what stands here is as good as anything carried, and stays.
        if (at >= count && use <= (carriedUse[best] as number)) continue;
        let place = best++;
        for (; (carriedUse[place] as number) < use; place--) {
          carriedUse[place + 1] = carriedUse[place] as number;
          carried[place + 1] = carried[place] as number;
        }
        carriedUse[place + 1] = use;
        carried[place + 1] = expert;
      }
      if (at >= count) stack[at] = carried[best--] as number;
    }
    if (at === length) {
      // First uses made room for none: below stands all that is still carried.
      let end = Math.max(length, count);
      for (; best > 0; best--) stack[end++] = carried[best] as number;
      this.length = end;
    }
    this.putOnTop(ids, from, to);
  }

  /** The step's experts, nearest next use first. */
  private putOnTop(ids: ActiveSets['ids'], from: number, to: number): void {
    const { stack, nextUse } = this;
    for (let i = from; i < to; i++) {
      const expert = ids[i] as number;
      const use = nextUse[expert] as number;
      let at = i - from;
      for (; at > 0 && (nextUse[stack[at - 1] as number] as number) > use; at--) stack[at] = stack[at - 1] as number;
      stack[at] = expert;
    }
  }
}
