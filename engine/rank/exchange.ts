/**
 * All-to-all between the ranks of one process through shared memory (paper, dynamic gating steps 4, 6 and 8).
 *
 * Each rank owns an outbox: sizes, row lists, token rows, results. It writes, raises its flag, and the others read straight
 * out of it: a token row crosses with one copy in and none out, however many of its experts live elsewhere. Sizes are raised before
 * the rows are copied, so that a rank knows its active experts (and may begin to load) while rows are still under way.
 *
 * Three flags a rank, each a count that only grows (and a fourth for all-reduces). Results of exchange n may be read once all ranks raised `results` n;
 * an outbox is written again only after that, so no fourth barrier is needed.
 */
export interface ExchangeMemory {
  readonly ranks: number;
  readonly experts: number;
  readonly hidden: number;
  readonly flags: SharedArrayBuffer;
  readonly sizes: SharedArrayBuffer;
  readonly foreseen: SharedArrayBuffer;
  readonly reduced: SharedArrayBuffer;
  readonly loadStamps: SharedArrayBuffer;
}

/** How much of each kind one rank's outbox holds at most: gating decides. */
export interface OutboxSizes {
  readonly pairs: number;
  readonly sentRows: number;
  readonly resultRows: number;
}

/** The ranks' outboxes; new ones are made where gating changes what they must hold. */
export interface OutboxMemory extends OutboxSizes {
  readonly pairList: SharedArrayBuffer;
  readonly rows: SharedArrayBuffer;
  readonly results: SharedArrayBuffer;
}

const FLAGS_PER_RANK = 4;
/** Before sleeping in the kernel a waiting rank looks this often: two ranks on two cores are usually microseconds apart. */
const SPINS = 400;
/** A rank that died leaves the others waiting; they look at the abort flag this often. */
const WAIT_MS = 50;

export type ExchangeFlag = 'sizes' | 'rows' | 'results';
const FLAG_INDEX: Record<ExchangeFlag, number> = { sizes: 0, rows: 1, results: 2 };
const REDUCED = 3;

/** Another rank failed in this step; its own error tells why. */
export class StepAborted extends Error {
  override readonly name = 'StepAborted';
}

export function allocateExchange(ranks: number, experts: number, hidden: number): ExchangeMemory {
  return {
    ranks,
    experts,
    hidden,
    flags: new SharedArrayBuffer(4 * (ranks * FLAGS_PER_RANK + 1)),
    sizes: new SharedArrayBuffer(4 * ranks * experts),
    foreseen: new SharedArrayBuffer(4 * ranks * experts),
    reduced: new SharedArrayBuffer(4 * ranks),
    loadStamps: new SharedArrayBuffer(4 * ranks * experts),
  };
}

export function allocateOutboxes(ranks: number, hidden: number, sizes: OutboxSizes): OutboxMemory {
  const { pairs, sentRows, resultRows } = sizes;
  return {
    pairs,
    sentRows,
    resultRows,
    pairList: new SharedArrayBuffer(4 * ranks * pairs),
    rows: new SharedArrayBuffer(4 * ranks * sentRows * hidden),
    results: new SharedArrayBuffer(4 * ranks * resultRows * hidden),
  };
}

export function sameOutbox(a: OutboxSizes, b: OutboxSizes | undefined): boolean {
  return b !== undefined && a.pairs === b.pairs && a.sentRows === b.sentRows && a.resultRows === b.resultRows;
}

/** One rank's outbox, bytes: what its ledger enters under gating and reordering. */
export function outboxBytes(experts: number, hidden: number, { pairs, sentRows, resultRows }: OutboxSizes): number {
  return 4 * (2 * experts + 1 + pairs + (sentRows + resultRows) * hidden);
}

export class Exchange {
  /** Rows that each rank has for each expert [ranks][experts]. */
  readonly sizes: readonly Int32Array[];
  /** What each rank foresees of the next layer for its own tokens, where routers are asked ahead; raised with its sizes [ranks][experts]. */
  readonly foreseen: readonly Int32Array[];
  /** Pairs by expert, by rank; a pair's token is its number divided by topK. Where rows are gathered by index. */
  pairs: readonly Int32Array[] = [];
  /** Rows by rank: of tokens where they are gathered by index, else of slots, expert by expert [rows, hidden]. */
  rows: readonly Float32Array[] = [];
  /** Expert outputs by owning rank, see rank/batch_layout.ts for the order. */
  results: readonly Float32Array[] = [];
  outboxes: OutboxSizes = { pairs: 0, sentRows: 0, resultRows: 0 };
  /** Exchange number in which an expert was last loaded on a device [ranks, experts]. */
  readonly loadStamps: Int32Array;
  private readonly flags: Int32Array;
  private readonly reduced: Int32Array;
  private reductions = 0;
  private readonly abortIndex: number;
  private number = 0;

  constructor(
    readonly memory: ExchangeMemory,
    readonly rank: number,
  ) {
    const { ranks, experts } = memory;
    this.sizes = split(ranks, experts, (from, length) => new Int32Array(memory.sizes, from, length));
    this.foreseen = split(ranks, experts, (from, length) => new Int32Array(memory.foreseen, from, length));
    this.reduced = new Int32Array(memory.reduced);
    this.loadStamps = new Int32Array(memory.loadStamps);
    this.flags = new Int32Array(memory.flags);
    this.abortIndex = ranks * FLAGS_PER_RANK;
  }

  /** Works with these outboxes from the next exchange on; every rank is given them between two steps. */
  use(memory: OutboxMemory): void {
    const { ranks, hidden } = this.memory;
    const { pairs, sentRows, resultRows } = memory;
    this.outboxes = { pairs, sentRows, resultRows };
    this.pairs = split(ranks, pairs, (from, length) => new Int32Array(memory.pairList, from, length));
    this.rows = split(ranks, sentRows * hidden, (from, length) => new Float32Array(memory.rows, from, length));
    this.results = split(ranks, resultRows * hidden, (from, length) => new Float32Array(memory.results, from, length));
  }

  /** Begins the next exchange; every rank calls it once a MoE layer. */
  next(): number {
    return ++this.number;
  }

  raise(flag: ExchangeFlag): void {
    this.raiseTo(FLAG_INDEX[flag], this.number);
  }

  /** Returns when every rank raised `flag` for this exchange. */
  awaitAll(flag: ExchangeFlag): void {
    this.awaitOthers(FLAG_INDEX[flag], this.number);
  }

  /**
   * The largest of a number over all ranks; each calls it, or none does. A value is written again only after the exchange that
   * follows, which no rank ends before all have read it.
   */
  allReduceMax(own: number): number {
    this.reduced[this.rank] = own;
    this.raiseTo(REDUCED, ++this.reductions);
    this.awaitOthers(REDUCED, this.reductions);
    let largest = own;
    for (let rank = 0; rank < this.memory.ranks; rank++) largest = Math.max(largest, this.reduced[rank] as number);
    return largest;
  }

  /** Tells waiting ranks to give up this step. */
  abort(): void {
    Atomics.store(this.flags, this.abortIndex, 1);
    for (let index = 0; index < this.abortIndex; index++) Atomics.notify(this.flags, index);
  }

  private raiseTo(flag: number, number: number): void {
    const index = this.rank * FLAGS_PER_RANK + flag;
    Atomics.store(this.flags, index, number);
    Atomics.notify(this.flags, index);
  }

  private awaitOthers(flag: number, number: number): void {
    for (let rank = 0; rank < this.memory.ranks; rank++) {
      if (rank !== this.rank) this.awaitOne(rank * FLAGS_PER_RANK + flag, number);
    }
  }

  private awaitOne(index: number, number: number): void {
    for (let spin = 0; spin < SPINS; spin++) if (Atomics.load(this.flags, index) >= number) return;
    for (;;) {
      const seen = Atomics.load(this.flags, index);
      if (seen >= number) return;
      if (Atomics.load(this.flags, this.abortIndex) !== 0) throw new StepAborted('Another device failed in this step.');
      Atomics.wait(this.flags, index, seen, WAIT_MS);
    }
  }
}

/** A view of each rank's part of a shared buffer of 4-byte numbers. */
function split<T>(ranks: number, each: number, view: (fromByte: number, length: number) => T): T[] {
  return Array.from({ length: ranks }, (_, rank) => view(rank * each * 4, each));
}
