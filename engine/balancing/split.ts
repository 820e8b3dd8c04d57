import type { LayerPlacement, SplitName } from './placement.ts';

/**
 * Divides one batch's rows of one layer over the copies of their experts, from nothing but the number of rows of each expert:
 * every rank knows those after the exchange of sizes and comes to the same division, and so does replay.
 *
 * `equal`: every copy the same part, as EPLB reckons. What does not divide goes row by row to copies from number
 * e mod copies on, so that experts with one row each do not all meet on the first device.
 *
 * `levelled`: experts on one device first, then, those on fewest devices first and by id, each row to the copy on the device with
 * the least rows so far, the first such copy on ties.
 *
 * Allocates nothing after construction.
 */
export class RowSplit {
  /** Rows of each copy, of the last division [copies]. */
  readonly rows: Int32Array;
  /** Experts that have a choice between devices, in the order in which they choose. */
  private readonly choosing: Int32Array;
  private readonly load: Int32Array;

  constructor(
    readonly layer: LayerPlacement,
    devices: number,
    private readonly split: SplitName,
  ) {
    this.rows = new Int32Array(layer.deviceOf.length);
    this.load = new Int32Array(devices);
    this.choosing = choosingExperts(layer);
  }

  /** @param totals rows of each expert, all ranks together [experts] */
  divide(totals: ArrayLike<number>): void {
    const { firstCopy } = this.layer;
    const { rows } = this;
    const experts = firstCopy.length - 1;
    if (experts === rows.length) {
      for (let expert = 0; expert < experts; expert++) rows[expert] = totals[expert] as number;
    } else if (this.split === 'equal') {
      for (let expert = 0; expert < experts; expert++) this.divideEqually(expert, totals[expert] as number);
    } else this.level(totals);
  }

  private divideEqually(expert: number, total: number): void {
    const from = this.layer.firstCopy[expert] as number;
    const copies = (this.layer.firstCopy[expert + 1] as number) - from;
    const each = Math.floor(total / copies);
    const rest = total % copies;
    const first = expert % copies;
    for (let at = 0; at < copies; at++) {
      this.rows[from + at] = each + ((at - first + copies) % copies < rest ? 1 : 0);
    }
  }

  private level(totals: ArrayLike<number>): void {
    const { firstCopy, deviceOf } = this.layer;
    const { rows, load, choosing } = this;
    rows.fill(0);
    load.fill(0);
    let next = 0;
    for (let expert = 0; expert < firstCopy.length - 1; expert++) {
      const from = firstCopy[expert] as number;
      const end = firstCopy[expert + 1] as number;
      // Copies stand by rising device: first and last on the same one leave no choice.
      if (deviceOf[from] === deviceOf[end - 1]) this.give(from, totals[expert] as number);
      else next++;
    }
    for (let at = 0; at < next; at++) {
      const expert = choosing[at] as number;
      this.raise(firstCopy[expert] as number, firstCopy[expert + 1] as number, totals[expert] as number);
    }
  }

  /** Raises the least loaded devices together, from one's load to the next's, as row by row would. */
  private raise(from: number, end: number, total: number): void {
    const { load } = this;
    const { deviceOf } = this.layer;
    let left = total;
    while (left > 0) {
      let lowest = Number.POSITIVE_INFINITY;
      let above = Number.POSITIVE_INFINITY;
      let width = 0;
      for (let copy = from; copy < end; copy++) {
        if (this.isSecond(copy, from)) continue;
        const here = load[deviceOf[copy] as number] as number;
        if (here < lowest) {
          above = lowest;
          lowest = here;
          width = 1;
        } else if (here === lowest) width++;
        else if (here < above) above = here;
      }
      const amount = Math.min(left, (above - lowest) * width);
      const each = Math.floor(amount / width);
      let rest = amount % width;
      for (let copy = from; copy < end; copy++) {
        // Devices raised in this round are above `lowest`, and none comes twice.
        if (this.isSecond(copy, from) || load[deviceOf[copy] as number] !== lowest) continue;
        this.give(copy, each + (rest-- > 0 ? 1 : 0));
      }
      left -= amount;
    }
  }

  private give(copy: number, amount: number): void {
    const device = this.layer.deviceOf[copy] as number;
    this.rows[copy] = (this.rows[copy] as number) + amount;
    this.load[device] = (this.load[device] as number) + amount;
  }

  /** A second copy on the same device is never chosen before the first. */
  private isSecond(copy: number, from: number): boolean {
    return copy > from && this.layer.deviceOf[copy] === this.layer.deviceOf[copy - 1];
  }
}

/** Experts on several devices, on fewest first, then by id. */
function choosingExperts({ firstCopy, deviceOf }: LayerPlacement): Int32Array {
  const experts = firstCopy.length - 1;
  if (deviceOf.length === experts) return new Int32Array(0);
  const hosts = new Int32Array(experts);
  for (let expert = 0; expert < experts; expert++) {
    let last = -1;
    for (let copy = firstCopy[expert] as number; copy < (firstCopy[expert + 1] as number); copy++) {
      if (deviceOf[copy] !== last) hosts[expert] = (hosts[expert] as number) + 1;
      last = deviceOf[copy] as number;
    }
  }
  const choosing = [...hosts.keys()].filter((expert) => (hosts[expert] as number) > 1);
  return Int32Array.from(choosing.sort((a, b) => (hosts[a] as number) - (hosts[b] as number) || a - b));
}
