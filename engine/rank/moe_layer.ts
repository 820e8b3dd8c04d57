import { HIT, LOAD } from '../buffering/expert_cache.ts';
import type { CpuExperts } from '../device/cpu_experts.ts';
import { BatchLayout } from './batch_layout.ts';
import { combineRows, markWaited } from './combine.ts';
import type { Exchange } from './exchange.ts';
import { GatherRows } from './gather_rows.ts';
import type { MoeLayerInput } from './layer_input.ts';
import type { MemoryLedger } from './ledger.ts';
import type { PhaseClock } from './phase_clock.ts';

/** Steps 3 to 5 of a rank's MoE layer: exchange sizes, exchange rows, run experts (resident first), exchange back, combine. */
export class MoeLayerRunner {
  private readonly layout: BatchLayout;
  private readonly gather: GatherRows;
  /** Output of each expert run here in this layer. */
  private readonly outputs: (Float32Array | undefined)[];
  private readonly soloSizes: Int32Array[] = [];
  private readonly soloStamps: Int32Array;
  private soloNumber = 0;
  /** Rows that this device computed since it was last set to 0. */
  pairs = 0;

  constructor(
    private readonly rank: number,
    private readonly hidden: number,
    topK: number,
    experts: number,
    private readonly store: CpuExperts,
    private readonly exchange: Exchange | undefined,
    private readonly ledger: MemoryLedger,
    private readonly clock: PhaseClock,
  ) {
    this.layout = new BatchLayout(rank, exchange?.memory.ranks ?? 1, experts);
    this.gather = new GatherRows(rank, hidden, topK, this.layout, exchange, ledger);
    this.outputs = new Array(experts).fill(undefined);
    this.soloStamps = new Int32Array(experts);
  }

  async run(input: MoeLayerInput): Promise<void> {
    const { exchange, layout, outputs, clock } = this;
    const number = exchange === undefined ? ++this.soloNumber : exchange.next();
    if (exchange === undefined) this.soloSizes[0] = input.plan.counts;
    else this.publish(input, exchange);
    layout.measure(exchange?.sizes ?? this.soloSizes, input.deviceOf);
    const outputBytes = await this.runExperts(input, number);
    if (exchange !== undefined) {
      clock.enter('exchange');
      exchange.raise('results');
      exchange.awaitAll('results');
    }
    clock.enter('combine');
    combineRows(input, layout, { local: outputs, remote: exchange?.results ?? [] }, this.hidden);
    markWaited(input, exchange?.loadStamps ?? this.soloStamps, number);
    outputs.fill(undefined);
    this.ledger.remove('expertExecution', outputBytes);
  }

  /** Sizes first, rows after: see exchange.ts. */
  private publish(input: MoeLayerInput, exchange: Exchange): void {
    this.clock.enter('exchange');
    (exchange.sizes[this.rank] as Int32Array).set(input.plan.counts);
    exchange.raise('sizes');
    this.gather.publish(input, exchange);
    exchange.raise('rows');
    exchange.awaitAll('sizes');
  }

  /** @returns bytes of the outputs that are kept until combined */
  private async runExperts(input: MoeLayerInput, number: number): Promise<number> {
    const { layout, exchange, clock, hidden } = this;
    const { cache, layer } = input;
    // For the caches, as in replay, a step that has no row for a layer did not pass there.
    if (layout.totalRows === 0) return 0;
    const stamps = exchange?.loadStamps ?? this.soloStamps;
    const order = cache.openStep(layout.active, layout.activeCount);
    exchange?.awaitAll('rows');
    let outputBytes = 0;
    for (let i = 0; i < layout.activeCount; i++) {
      const expert = order[i] as number;
      const verdict = cache.access(expert);
      if (verdict !== HIT) {
        clock.enter('load');
        if (verdict !== LOAD) await this.store.evict(layer, verdict);
        await this.store.load(layer, expert);
        Atomics.store(stamps, expert, number);
      }
      clock.enter('reorder');
      const rows = layout.batchRows[expert] as number;
      const batch = this.gather.batch(input, expert);
      outputBytes += batch.byteLength;
      this.ledger.add('expertExecution', batch.byteLength);
      clock.enter('experts');
      const output = await this.store.run(layer, expert, batch, rows);
      this.outputs[expert] = output;
      this.pairs += rows;
      if (exchange !== undefined) {
        clock.enter('exchange');
        const results = exchange.results[this.rank] as Float32Array;
        results.set(output.subarray(0, rows * hidden), (layout.resultFrom[expert] as number) * hidden);
      }
    }
    return outputBytes;
  }

  close(): void {
    this.gather.close();
  }
}
