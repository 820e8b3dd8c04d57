import { parentPort } from 'node:worker_threads';
import { Exchange, type ExchangeMemory, type OutboxMemory } from '../../engine/rank/exchange.ts';

export interface ExchangeShape {
  /** Token rows that each of the two ranks sends, and as many result rows. */
  readonly rows: number;
  readonly hidden: number;
}

export interface ExchangeJob {
  readonly memory: ExchangeMemory;
  readonly outboxes: OutboxMemory;
  readonly rows: number;
}

export const EXCHANGES = 0;
export const BARRIERS = 1;
const BLOCKS = 21;
const ROUNDS_PER_BLOCK = 200;

/** Both threads run this, in step by the exchange's own flags. @returns microseconds per round: [exchanges, barriers alone] */
export function exchangeBlocks({ memory, outboxes, rows }: ExchangeJob, rank: number): [number[], number[]] {
  const exchange = new Exchange(memory, rank);
  exchange.use(outboxes);
  const source = new Float32Array(rows * memory.hidden).fill(rank + 1);
  const sink = new Float32Array(rows * memory.hidden);
  const counts = new Int32Array(memory.experts).fill(1);
  const pairs = new Int32Array(outboxes.pairs);
  const samples: [number[], number[]] = [[], []];
  for (let block = -2; block < 2 * BLOCKS; block++) {
    const kind = block & 1;
    const begun = performance.now();
    for (let round = 0; round < ROUNDS_PER_BLOCK; round++) {
      if (kind === BARRIERS) twoBarriers(exchange);
      else wholeExchange(exchange, source, sink, counts, pairs);
    }
    if (block >= 0) (samples[kind] as number[]).push(((performance.now() - begun) * 1000) / ROUNDS_PER_BLOCK);
  }
  return samples;
}

function twoBarriers(exchange: Exchange): void {
  exchange.next();
  exchange.raise('sizes');
  exchange.awaitAll('sizes');
  exchange.raise('results');
  exchange.awaitAll('results');
}

/** A MoE layer's exchange without the experts, as rank/moe_layer.ts does it. */
function wholeExchange(
  exchange: Exchange,
  source: Float32Array,
  sink: Float32Array,
  counts: Int32Array,
  pairs: Int32Array,
): void {
  const other = 1 - exchange.rank;
  exchange.next();
  (exchange.sizes[exchange.rank] as Int32Array).set(counts);
  (exchange.pairs[exchange.rank] as Int32Array).set(pairs);
  exchange.raise('sizes');
  (exchange.rows[exchange.rank] as Float32Array).set(source);
  exchange.raise('rows');
  exchange.awaitAll('sizes');
  exchange.awaitAll('rows');
  sink.set((exchange.rows[other] as Float32Array).subarray(0, sink.length));
  (exchange.results[exchange.rank] as Float32Array).set(source);
  exchange.raise('results');
  exchange.awaitAll('results');
  sink.set((exchange.results[other] as Float32Array).subarray(0, sink.length));
}

/** The second thread of the bench. */
export function exchangePeer(job: ExchangeJob): void {
  parentPort?.postMessage('ready');
  exchangeBlocks(job, 1);
}
