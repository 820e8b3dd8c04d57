import type { ActiveSet } from '../gating/policy.ts';

/**
 * Where the rows of every expert lie in one layer, computed by each rank from all ranks' sizes and the placement alone: an expert's
 * batch holds the rows of rank 0, then rank 1, ...; the owner's outputs lie in its outbox in that order, experts by rising id.
 */
export class BatchLayout {
  /** Experts that this device runs, ascending; the first `activeCount`. */
  readonly active: Int32Array;
  activeCount = 0;
  /** Rows of all experts, on all devices. */
  totalRows = 0;
  /** Rows of each expert's batch, all ranks together, padding that they sent included. */
  readonly batchRows: Int32Array;
  /** Rows of each expert's batch that come before this rank's own. */
  readonly ownFrom: Int32Array;
  /** Where an expert's outputs begin in its owner's outbox, rows. */
  readonly resultFrom: Int32Array;
  /** Where an expert's rows begin in what each rank sends: prefix sums of its sizes [ranks][experts]. */
  readonly sentFrom: readonly Int32Array[];
  private readonly nextSent: Int32Array;
  private readonly nextResult: Int32Array;

  constructor(
    private readonly rank: number,
    private readonly ranks: number,
    private readonly experts: number,
  ) {
    this.active = new Int32Array(experts);
    this.batchRows = new Int32Array(experts);
    this.ownFrom = new Int32Array(experts);
    this.resultFrom = new Int32Array(experts);
    this.sentFrom = Array.from({ length: ranks }, () => new Int32Array(experts));
    this.nextSent = new Int32Array(ranks);
    this.nextResult = new Int32Array(ranks);
  }

  /**
   * @param sizes rows that each rank has for each expert [ranks][experts]
   * @param deviceOf owner of each expert
   */
  measure(sizes: readonly Int32Array[], deviceOf: Uint8Array, activeSet: ActiveSet): void {
    const { rank, ranks, experts, batchRows, ownFrom, resultFrom, sentFrom, nextSent, nextResult } = this;
    nextSent.fill(0);
    nextResult.fill(0);
    let count = 0;
    let all = 0;
    for (let expert = 0; expert < experts; expert++) {
      const owner = deviceOf[expert] as number;
      let total = 0;
      for (let source = 0; source < ranks; source++) {
        const rows = (sizes[source] as Int32Array)[expert] as number;
        if (source === rank) ownFrom[expert] = total;
        (sentFrom[source] as Int32Array)[expert] = nextSent[source] as number;
        nextSent[source] = (nextSent[source] as number) + rows;
        total += rows;
      }
      batchRows[expert] = total;
      all += total;
      resultFrom[expert] = nextResult[owner] as number;
      nextResult[owner] = (nextResult[owner] as number) + total;
      if (owner === rank && (total > 0 || activeSet === 'all')) this.active[count++] = expert;
    }
    this.activeCount = count;
    this.totalRows = all;
  }
}
