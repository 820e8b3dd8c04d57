/** Where a count reaches it, all of its row are halved. */
const MOST = 0xffff;
/** Passes that a row must have seen before it weighs half. */
const PRIOR = 2;

/** Counts of one layer: how often the pass after one that used expert a used expert e. */
export class Transitions {
  private readonly passes: Uint16Array;
  /** [experts, experts] */
  private readonly counts: Uint16Array;

  constructor(private readonly experts: number) {
    this.passes = new Uint16Array(experts);
    this.counts = new Uint16Array(experts * experts);
  }

  /** The pass after one that used `before` used the first `count` of `active`. */
  add(before: number, active: ArrayLike<number>, count: number): void {
    const { passes, counts, experts } = this;
    const row = before * experts;
    if (passes[before] === MOST) {
      passes[before] = MOST >> 1;
      for (let at = row; at < row + experts; at++) counts[at] = (counts[at] as number) >> 1;
    }
    passes[before] = (passes[before] as number) + 1;
    for (let i = 0; i < count; i++) {
      const at = row + (active[i] as number);
      counts[at] = (counts[at] as number) + 1;
    }
  }

  /** How often each expert is used after the experts of `active`, mean over them [experts]. */
  follow(active: ArrayLike<number>, count: number, into: Float64Array): void {
    const { passes, counts, experts } = this;
    into.fill(0);
    for (let i = 0; i < count; i++) {
      const before = active[i] as number;
      const seen = passes[before] as number;
      if (seen === 0) continue;
      const weight = 1 / ((seen + PRIOR) * count);
      const row = before * experts;
      for (let expert = 0; expert < experts; expert++) {
        into[expert] = (into[expert] as number) + (counts[row + expert] as number) * weight;
      }
    }
  }
}
