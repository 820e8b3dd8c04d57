import type { ActiveSets } from './active_sets.ts';
import type { Depths } from './depths.ts';

/**
 * Experts of one layer on one device in a stack of which a cache of C slots holds the upper C: one sweep over the steps then counts
 * every size at once (Mattson et al., 1970). What the order is, and so the policy, a subclass says.
 */
export abstract class ExpertStack {
  protected readonly stack: Int32Array;
  protected length = 0;
  /** Of the step's experts, from 1 on; `experts + 1`: never used before. */
  protected readonly depthOf: Int32Array;
  /** `stamps[e] === stamp`: the step uses it. */
  protected readonly stamps: Int32Array;
  protected stamp = 0;

  constructor(protected readonly experts: number) {
    this.stack = new Int32Array(experts);
    this.depthOf = new Int32Array(experts);
    this.stamps = new Int32Array(experts);
  }

  /**
   * @param ids the step's experts are ids[from, to), ascending and distinct
   * @param depths where its accesses are counted; absent: nowhere
   * @returns how many of them were never used before
   */
  event(ids: ActiveSets['ids'], from: number, to: number, depths: Depths | undefined): number {
    const { stamps, depthOf, length } = this;
    const stamp = ++this.stamp;
    for (let i = from; i < to; i++) {
      const expert = ids[i] as number;
      stamps[expert] = stamp;
      depthOf[expert] = this.experts + 1;
    }
    this.lift(ids, from, to);
    if (depths !== undefined) this.count(ids, from, to, depths);
    this.close(ids, from, to);
    return this.length - length;
  }

  /** Notes how deep each expert of the step stands, then brings the stack into the order after it. */
  protected abstract lift(ids: ActiveSets['ids'], from: number, to: number): void;

  protected count(ids: ActiveSets['ids'], from: number, to: number, depths: Depths): void {
    const { depthOf } = this;
    for (let i = from; i < to; i++) depths.add(depthOf[ids[i] as number] as number);
  }

  /** What is to be known of this step in the next ones. */
  protected close(_ids: ActiveSets['ids'], _from: number, _to: number): void {}
}
