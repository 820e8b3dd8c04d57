/**
 * Where stack sweeps put what they find. An access at depth d of a stack is a hit in every cache of d slots or more, so one count
 * by depth holds the misses of all sizes. Depths are binned by the m sizes asked for: bin i holds the accesses that hit from size
 * number i on and miss below it, bin m those that every size misses.
 */
export class Depths {
  /** Bin of a depth; experts + 1 is the depth of an expert never used before [experts + 2]. */
  readonly binOf: Int32Array;
  /** Number of a size, -1 where it was not asked for [experts + 2]. */
  private readonly numberOf: Int32Array;
  private readonly bins: number;
  private readonly counts: Float64Array;
  private at = 0;

  /** @param slots the sizes, ascending @param rows how many counts are kept apart */
  constructor(experts: number, slots: ArrayLike<number>, rows: number) {
    this.bins = slots.length + 1;
    this.binOf = new Int32Array(experts + 2).fill(slots.length);
    this.numberOf = new Int32Array(experts + 2).fill(-1);
    let depth = 0;
    for (let number = 0; number < slots.length; number++) {
      const size = slots[number] as number;
      if (size <= experts) this.numberOf[size] = number;
      for (; depth <= Math.min(size, experts); depth++) this.binOf[depth] = number;
    }
    this.counts = new Float64Array(rows * this.bins);
  }

  /** Accesses are counted in this row from now on. */
  open(row: number): void {
    this.at = row * this.bins;
  }

  add(depth: number): void {
    const index = this.at + (this.binOf[depth] as number);
    this.counts[index] = (this.counts[index] as number) + 1;
  }

  /** The cache of just this size missed so many more. */
  addMisses(size: number, misses: number): void {
    const number = this.numberOf[size] as number;
    if (number === -1) return;
    const index = this.at + number;
    this.counts[index + 1] = (this.counts[index + 1] as number) + misses;
    this.counts[index] = (this.counts[index] as number) - misses;
  }

  /** Adds a row's misses by size [m] to `sums`. */
  addTo(sums: Float64Array, row: number): void {
    let missed = 0;
    for (let bin = this.bins - 1; bin > 0; bin--) {
      missed += this.counts[row * this.bins + bin] as number;
      sums[bin - 1] = (sums[bin - 1] as number) + missed;
    }
  }

  clear(): void {
    this.counts.fill(0);
  }
}
