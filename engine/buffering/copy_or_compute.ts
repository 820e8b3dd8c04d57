/**
 * Whether an absent expert is copied to the device, or its rows are computed where its weights lie, on the host, and nothing moves.
 *
 * It is the rule of who rents skis until the rent has come to their price: up to `afterRows` rows of an expert are computed since it was
 * given up (or since the start), then it is copied. One that keeps coming is copied, one that comes rarely never costs a copy. Where
 * `afterRows` is the price of a copy in rows, an absence costs at most twice what it would had its rows been known before. Rejected:
 * a limit by step alone (compute up to n rows, copy more), which computes an expert that comes with few rows in every step for ever.
 */
export class CopyOrCompute {
  /** 0: what is absent is copied at once. */
  afterRows = 0;
  /** Of each absent expert [ids]. */
  private readonly computedRows: Float64Array;

  constructor(ids: number) {
    this.computedRows = new Float64Array(ids);
  }

  /** Whether an absent expert's rows are to be computed. */
  computes(id: number, rows: number): boolean {
    return this.afterRows > 0 && (this.computedRows[id] as number) + rows <= this.afterRows;
  }

  computed(id: number, rows: number): void {
    this.computedRows[id] = (this.computedRows[id] as number) + rows;
  }

  /** It was copied: what was computed before counts no longer. */
  copied(id: number): void {
    this.computedRows[id] = 0;
  }

  /** Takes over what another counted of its ids [begin, end), which are those from `base` on here. */
  takeOver({ computedRows }: CopyOrCompute, begin: number, end: number, base: number): void {
    this.computedRows.set(computedRows.subarray(begin, end), base);
  }
}
