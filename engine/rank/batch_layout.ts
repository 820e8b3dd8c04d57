import type { RowSplit } from '../balancing/split.ts';
import type { ActiveSet } from '../gating/policy.ts';

/**
 * Where the rows of every expert lie in one layer, computed by each rank from all ranks' sizes and the placement alone. An
 * expert's batch holds the rows of rank 0, then rank 1, ...; where the expert has several copies, each runs a contiguous part of
 * the batch (balancing/split.ts), two copies on one device the two parts as one. An owner's outputs lie in its outbox by rising
 * expert id, rows in the order of the batch.
 */
export class BatchLayout {
  /** Experts that this device runs, ascending; the first `activeCount`. */
  readonly active: Int32Array;
  activeCount = 0;
  /** Rows of all experts, on all devices. */
  totalRows = 0;
  /** Rows of each expert's batch that this device runs, padding that ranks sent included, and the first of them. */
  readonly batchRows: Int32Array;
  readonly batchFrom: Int32Array;
  /** Rows of each expert's batch that come before this rank's own. */
  readonly ownFrom: Int32Array;
  /** First row of each copy's part of its expert's batch, and where its outputs begin in its owner's outbox, rows [copies]. */
  private partFrom: Int32Array;
  private resultFrom: Int32Array;
  /** Where an expert's rows begin in what each rank sends: prefix sums of its sizes [ranks][experts]. */
  private readonly sentFrom: readonly Int32Array[];
  private readonly nextSent: Int32Array;
  private readonly nextResult: Int32Array;
  private readonly totals: Int32Array;
  private sizes: readonly Int32Array[] = [];
  private firstCopy: Int32Array = new Int32Array(0);
  private deviceOf: Uint8Array = new Uint8Array(0);

  constructor(
    readonly rank: number,
    private readonly ranks: number,
    private readonly experts: number,
  ) {
    this.active = new Int32Array(experts);
    this.batchRows = new Int32Array(experts);
    this.batchFrom = new Int32Array(experts);
    this.ownFrom = new Int32Array(experts);
    this.totals = new Int32Array(experts);
    this.partFrom = new Int32Array(experts);
    this.resultFrom = new Int32Array(experts);
    this.sentFrom = Array.from({ length: ranks }, () => new Int32Array(experts));
    this.nextSent = new Int32Array(ranks);
    this.nextResult = new Int32Array(ranks);
  }

  /**
   * @param sizes rows that each rank has for each expert [ranks][experts]; read until the layer ends
   * @param split the layer's placement, and what divides rows over its copies
   */
  measure(sizes: readonly Int32Array[], split: RowSplit, activeSet: ActiveSet): void {
    const { rank, ranks, experts, totals, ownFrom, sentFrom, nextSent, nextResult, batchRows, batchFrom } = this;
    const { firstCopy, deviceOf } = split.layer;
    this.sizes = sizes;
    this.firstCopy = firstCopy;
    this.deviceOf = deviceOf;
    if (this.partFrom.length < deviceOf.length) {
      this.partFrom = new Int32Array(deviceOf.length);
      this.resultFrom = new Int32Array(deviceOf.length);
    }
    nextSent.fill(0);
    nextResult.fill(0);
    let all = 0;
    for (let expert = 0; expert < experts; expert++) {
      let total = 0;
      for (let source = 0; source < ranks; source++) {
        const rows = (sizes[source] as Int32Array)[expert] as number;
        if (source === rank) ownFrom[expert] = total;
        (sentFrom[source] as Int32Array)[expert] = nextSent[source] as number;
        nextSent[source] = (nextSent[source] as number) + rows;
        total += rows;
      }
      totals[expert] = total;
      all += total;
    }
    split.divide(totals);
    let count = 0;
    for (let expert = 0; expert < experts; expert++) {
      let row = 0;
      let held = false;
      batchRows[expert] = 0;
      const end = firstCopy[expert + 1] as number;
      for (let copy = firstCopy[expert] as number; copy < end; copy++) {
        const owner = deviceOf[copy] as number;
        const rows = split.rows[copy] as number;
        this.partFrom[copy] = row;
        this.resultFrom[copy] = nextResult[owner] as number;
        nextResult[owner] = (nextResult[owner] as number) + rows;
        if (owner === rank) {
          if (!held) batchFrom[expert] = row;
          held = true;
          batchRows[expert] = (batchRows[expert] as number) + rows;
        }
        row += rows;
      }
      if (held && ((batchRows[expert] as number) > 0 || activeSet === 'all')) this.active[count++] = expert;
    }
    this.activeCount = count;
    this.totalRows = all;
  }

  /** Rows of rank `source` in the part of an expert's batch that this device runs: the first of them in what it sends. */
  sentFirst(source: number, expert: number): number {
    const before = this.rowsBefore(source, expert);
    const skipped = Math.max(0, (this.batchFrom[expert] as number) - before);
    return ((this.sentFrom[source] as Int32Array)[expert] as number) + skipped;
  }

  /** And how many they are. */
  sentCount(source: number, expert: number): number {
    const before = this.rowsBefore(source, expert);
    const rows = (this.sizes[source] as Int32Array)[expert] as number;
    const from = Math.max(before, this.batchFrom[expert] as number);
    const end = Math.min(before + rows, (this.batchFrom[expert] as number) + (this.batchRows[expert] as number));
    return Math.max(0, end - from);
  }

  /** Where this device's outputs of an expert begin in its outbox, rows. */
  ownResult(expert: number): number {
    const { firstCopy, deviceOf } = this;
    let copy = firstCopy[expert] as number;
    while (deviceOf[copy] !== this.rank) copy++;
    return this.resultFrom[copy] as number;
  }

  /** The copy that ran a row of an expert's batch. */
  copyOf(expert: number, row: number): number {
    const { firstCopy } = this;
    const last = (firstCopy[expert + 1] as number) - 1;
    let copy = firstCopy[expert] as number;
    while (copy < last && row >= (this.partFrom[copy + 1] as number)) copy++;
    return copy;
  }

  /** The row of an expert's batch before which the part of `copy` ends. */
  partEnd(expert: number, copy: number): number {
    const isLast = copy + 1 === this.firstCopy[expert + 1];
    return (isLast ? this.totals[expert] : this.partFrom[copy + 1]) as number;
  }

  ownerOf(copy: number): number {
    return this.deviceOf[copy] as number;
  }

  /** Where a row of an expert's batch lies in the outbox of the owner of `copy`, which ran it, rows. */
  resultRow(copy: number, row: number): number {
    return (this.resultFrom[copy] as number) + row - (this.partFrom[copy] as number);
  }

  private rowsBefore(source: number, expert: number): number {
    let before = 0;
    for (let rank = 0; rank < source; rank++) before += (this.sizes[rank] as Int32Array)[expert] as number;
    return before;
  }
}
