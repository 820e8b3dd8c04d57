/**
 * All-to-all between the ranks of one process through shared memory (paper, dynamic gating steps 4, 6 and 8).
 *
 * Each rank owns an outbox: sizes, row lists, token rows, results. It writes, raises its flag, and the others read straight
 * out of it: a token row crosses with one copy in and none out, however many of its experts live elsewhere. Sizes are raised before
 * the rows are copied, so that a rank knows its active experts (and may begin to load) while rows are still under way.
 *
 * Three flags a rank, each a count that only grows. Results of exchange n may be read once all ranks raised `results` n;
 * an outbox is written again only after that, so no fourth barrier is needed.
 */
export interface ExchangeMemory {
  readonly ranks: number;
  readonly experts: number;
  readonly hidden: number;
  readonly topK: number;
  /** Most tokens a step may hold, all ranks together. */
  readonly stepTokens: number;
  readonly flags: SharedArrayBuffer;
  readonly sizes: SharedArrayBuffer;
  readonly pairs: SharedArrayBuffer;
  readonly loadStamps: SharedArrayBuffer;
  readonly rows: SharedArrayBuffer;
  readonly results: SharedArrayBuffer;
}

const FLAGS_PER_RANK = 3;
/** Before sleeping in the kernel a waiting rank looks this often: two ranks on two cores are usually microseconds apart. */
const SPINS = 400;
/** A rank that died leaves the others waiting; they look at the abort flag this often. */
const WAIT_MS = 50;

export type ExchangeFlag = 'sizes' | 'rows' | 'results';
const FLAG_INDEX: Record<ExchangeFlag, number> = { sizes: 0, rows: 1, results: 2 };

/** Another rank failed in this step; its own error tells why. */
export class StepAborted extends Error {
  override readonly name = 'StepAborted';
}

export function allocateExchange(
  ranks: number,
  experts: number,
  hidden: number,
  topK: number,
  stepTokens: number,
): ExchangeMemory {
  const pairs = stepTokens * topK;
  return {
    ranks,
    experts,
    hidden,
    topK,
    stepTokens,
    flags: new SharedArrayBuffer(4 * (ranks * FLAGS_PER_RANK + 1)),
    sizes: new SharedArrayBuffer(4 * ranks * experts),
    pairs: new SharedArrayBuffer(4 * ranks * pairs),
    loadStamps: new SharedArrayBuffer(4 * experts),
    rows: new SharedArrayBuffer(4 * ranks * stepTokens * hidden),
    results: new SharedArrayBuffer(4 * ranks * pairs * hidden),
  };
}

/** One rank's outbox, bytes: what its ledger enters under gating and reordering. */
export function outboxBytes(memory: ExchangeMemory): number {
  return (
    (memory.sizes.byteLength + memory.pairs.byteLength + memory.rows.byteLength + memory.results.byteLength) /
    memory.ranks
  );
}

export class Exchange {
  /** Rows that each rank has for each expert [ranks][experts]. */
  readonly sizes: readonly Int32Array[];
  /** Pairs by expert, by rank; a pair's token is its number divided by topK. */
  readonly pairs: readonly Int32Array[];
  /** Token rows by rank [tokens, hidden]. */
  readonly rows: readonly Float32Array[];
  /** Expert outputs by owning rank, see rank/batch_layout.ts for the order. */
  readonly results: readonly Float32Array[];
  /** Exchange number in which an expert was last loaded [experts]. */
  readonly loadStamps: Int32Array;
  private readonly flags: Int32Array;
  private readonly abortIndex: number;
  private number = 0;

  constructor(
    readonly memory: ExchangeMemory,
    readonly rank: number,
  ) {
    const { ranks, experts, hidden, stepTokens, topK } = memory;
    const split = <T>(each: number, view: (from: number, length: number) => T): T[] =>
      Array.from({ length: ranks }, (_, index) => view(index * each * 4, each));
    this.sizes = split(experts, (from, length) => new Int32Array(memory.sizes, from, length));
    this.pairs = split(stepTokens * topK, (from, length) => new Int32Array(memory.pairs, from, length));
    this.rows = split(stepTokens * hidden, (from, length) => new Float32Array(memory.rows, from, length));
    this.results = split(stepTokens * topK * hidden, (from, length) => new Float32Array(memory.results, from, length));
    this.loadStamps = new Int32Array(memory.loadStamps);
    this.flags = new Int32Array(memory.flags);
    this.abortIndex = ranks * FLAGS_PER_RANK;
  }

  /** Begins the next exchange; every rank calls it once a MoE layer. */
  next(): number {
    return ++this.number;
  }

  raise(flag: ExchangeFlag): void {
    const index = this.rank * FLAGS_PER_RANK + FLAG_INDEX[flag];
    Atomics.store(this.flags, index, this.number);
    Atomics.notify(this.flags, index);
  }

  /** Returns when every rank raised `flag` for this exchange. */
  awaitAll(flag: ExchangeFlag): void {
    for (let rank = 0; rank < this.memory.ranks; rank++) {
      if (rank !== this.rank) this.awaitOne(rank * FLAGS_PER_RANK + FLAG_INDEX[flag]);
    }
  }

  /** Tells waiting ranks to give up this step. */
  abort(): void {
    Atomics.store(this.flags, this.abortIndex, 1);
    for (let index = 0; index < this.abortIndex; index++) Atomics.notify(this.flags, index);
  }

  private awaitOne(index: number): void {
    for (let spin = 0; spin < SPINS; spin++) if (Atomics.load(this.flags, index) >= this.number) return;
    for (;;) {
      const seen = Atomics.load(this.flags, index);
      if (seen >= this.number) return;
      if (Atomics.load(this.flags, this.abortIndex) !== 0) throw new StepAborted('Another device failed in this step.');
      Atomics.wait(this.flags, index, seen, WAIT_MS);
    }
  }
}
