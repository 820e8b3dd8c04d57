import type { ActiveSets } from './active_sets.ts';
import type { Depths } from './depths.ts';

/** Next use of an expert that is not used again. */
export const NEVER = 0x7fffffff;

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
 * Belady's MIN at every size at once, for one layer on one device: the floor of every policy that keeps a step's experts while any
 * other resident is left, since it knows the future. (Pinning does not keep them, and can miss less.) A step's
 * experts that are held are hits, every other one is loaded, and what is kept beside them are the residents of the nearest next
 * use; an expert of the step itself is given up only where the step needs more than the cache holds. Then the ones of the
 * nearest next use are kept: not the last that was loaded, as a real cache would have to.
 *
 * A cache of C slots holds all that one of C - 1 holds (Mattson et al., 1970), so experts stand in a stack, and each step sorts it
 * anew down to its deepest expert: what is displaced on the way is carried along, and the place gets the best of it.
 */
export class MinStack {
  private readonly stack: Uint16Array;
  private length = 0;
  private readonly depthOf: Int32Array;
  private readonly stamps: Int32Array;
  private stamp = 0;
  private readonly nextUse: Int32Array;
  /** Number of the last use: of two experts next used in the same step the one used later stays. */
  private readonly lastUse: Int32Array;
  private uses = 0;
  /** Carried along, the best last. */
  private readonly carried: Uint16Array;

  constructor(private readonly experts: number) {
    this.stack = new Uint16Array(experts);
    this.depthOf = new Int32Array(experts);
    this.stamps = new Int32Array(experts);
    this.nextUse = new Int32Array(experts);
    this.lastUse = new Int32Array(experts);
    this.carried = new Uint16Array(experts);
  }

  /** As LruStack.event. @param next next uses, parallel to ids */
  event(ids: Uint16Array, next: Int32Array, from: number, to: number, depths: Depths | undefined): number {
    const { stack, stamps, depthOf, nextUse, lastUse, carried, length } = this;
    const count = to - from;
    const stamp = ++this.stamp;
    for (let i = from; i < to; i++) {
      const expert = ids[i] as number;
      stamps[expert] = stamp;
      depthOf[expert] = this.experts + 1;
      nextUse[expert] = next[i] as number;
      lastUse[expert] = ++this.uses;
    }
    let best = -1;
    let at = 0;
    for (; at < length; at++) {
      if (at >= count && best < 0) break;
      const expert = stack[at] as number;
      if (stamps[expert] === stamp) depthOf[expert] = at + 1;
      else best = this.carry(expert, best);
      if (at >= count) stack[at] = carried[best--] as number;
    }
    if (at === length) {
      // First uses made room for none: below stands all that is still carried.
      let end = Math.max(length, count);
      for (; best >= 0; best--) stack[end++] = carried[best] as number;
      this.length = end;
    }
    this.putOnTop(ids, from, to);
    const cold = this.length - length;
    if (depths === undefined) return cold;
    for (let i = from; i < to; i++) depths.add(depthOf[ids[i] as number] as number);
    return cold;
  }

  /** Into its place by worth. @returns the last place in use */
  private carry(expert: number, best: number): number {
    const { carried, nextUse, lastUse } = this;
    const next = nextUse[expert] as number;
    const last = lastUse[expert] as number;
    let at = best;
    for (; at >= 0; at--) {
      const other = carried[at] as number;
      const otherNext = nextUse[other] as number;
      if (otherNext > next || (otherNext === next && (lastUse[other] as number) < last)) break;
      carried[at + 1] = other;
    }
    carried[at + 1] = expert;
    return best + 1;
  }

  /** The step's experts, nearest next use first. */
  private putOnTop(ids: Uint16Array, from: number, to: number): void {
    const { carried, stack } = this;
    let best = -1;
    for (let i = from; i < to; i++) best = this.carry(ids[i] as number, best);
    for (let at = 0; best >= 0; at++) stack[at] = carried[best--] as number;
  }
}
