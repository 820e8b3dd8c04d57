import { type ExpertCache, HIT, LOAD } from '../buffering/expert_cache.ts';
import type { CpuExperts } from '../device/cpu_experts.ts';
import type { DispatchPlan } from '../gating/dispatch_plan.ts';
import type { Exchange } from './exchange.ts';
import type { MemoryLedger } from './ledger.ts';
import type { PhaseClock } from './phase_clock.ts';

/** Token rows of a layer: token t is row `at[t]` of matrix `group[t]`. */
export interface TokenRows {
  readonly tokens: number;
  readonly group: Uint16Array;
  readonly at: Int32Array;
}

export interface MoeLayerInput {
  readonly layer: number;
  readonly rows: TokenRows;
  /** Normed hidden states by group, the experts' input. */
  readonly normed: readonly Float32Array[];
  /** Residual stream by group: the weighted sum of expert outputs is added to it. */
  readonly residual: readonly Float32Array[];
  readonly residualMultiplier: number;
  /** This layer's choices, from `choiceAt`: [tokens, topK]. */
  readonly ids: Uint16Array;
  readonly weights: Float32Array;
  readonly choiceAt: number;
  readonly plan: DispatchPlan;
  readonly deviceOf: Uint8Array;
  readonly cache: ExpertCache;
  /** 1 is set for tokens that waited for a load. */
  readonly waited: Uint8Array;
}

/**
 * Steps 3 to 5 of a rank's MoE layer: exchange sizes, exchange rows, run experts (resident first), exchange back, combine.
 *
 * An expert's batch holds the rows of rank 0, then rank 1, ...; its outputs lie in the owner's outbox in that order, experts by
 * rising id, so every rank can compute from the sizes where its rows are. Each token's sum runs over its choices in router
 * order, not in the order in which experts ran: the result does not depend on what was resident.
 */
export class MoeLayerRunner {
  private input = new Float32Array(0);
  private readonly active: Int32Array;
  /** Output of each expert run here in this layer. */
  private readonly outputs: (Float32Array | undefined)[];
  /** Rows of each expert's batch that come before this rank's own. */
  private readonly ownFrom: Int32Array;
  /** Where an expert's outputs begin in its owner's outbox, rows. */
  private readonly resultFrom: Int32Array;
  /** Where an expert's pairs begin in each rank's list: prefix sums of its sizes. */
  private readonly pairFrom: readonly Int32Array[];
  private readonly soloStamps: Int32Array;
  private soloNumber = 0;
  pairs = 0;

  constructor(
    private readonly rank: number,
    private readonly hidden: number,
    private readonly topK: number,
    experts: number,
    private readonly store: CpuExperts,
    private readonly exchange: Exchange | undefined,
    private readonly ledger: MemoryLedger,
    private readonly clock: PhaseClock,
  ) {
    this.active = new Int32Array(experts);
    this.outputs = new Array(experts).fill(undefined);
    this.ownFrom = new Int32Array(experts);
    this.resultFrom = new Int32Array(experts);
    this.pairFrom = Array.from({ length: exchange?.memory.ranks ?? 0 }, () => new Int32Array(experts));
    this.soloStamps = new Int32Array(experts);
  }

  async run(input: MoeLayerInput): Promise<void> {
    const number = this.exchange === undefined ? ++this.soloNumber : this.exchange.next();
    this.publish(input);
    const activeCount = this.collectActive(input);
    const outputBytes = await this.runExperts(input, activeCount, number);
    this.collectResults();
    this.combine(input, number);
    this.outputs.fill(undefined);
    this.ledger.remove('expertExecution', outputBytes);
  }

  /** Sizes first, rows after: see exchange.ts. */
  private publish({ plan, rows, normed }: MoeLayerInput): void {
    const { exchange, rank, hidden } = this;
    if (exchange === undefined) return;
    this.clock.enter('exchange');
    (exchange.counts[rank] as Int32Array).set(plan.counts);
    (exchange.pairs[rank] as Int32Array).set(plan.pairs.subarray(0, rows.tokens * this.topK));
    exchange.raise('sizes');
    const out = exchange.rows[rank] as Float32Array;
    for (let token = 0; token < rows.tokens; token++) {
      const from = (rows.at[token] as number) * hidden;
      out.set((normed[rows.group[token] as number] as Float32Array).subarray(from, from + hidden), token * hidden);
    }
    exchange.raise('rows');
    exchange.awaitAll('sizes');
  }

  /** Active experts of this device, ascending, into `active`; and where batches and results begin. */
  private collectActive({ plan, deviceOf }: MoeLayerInput): number {
    const { exchange, rank, active, ownFrom, resultFrom, pairFrom } = this;
    const ranks = exchange?.memory.ranks ?? 1;
    const nextResult = new Int32Array(ranks);
    const nextPair = new Int32Array(ranks);
    let count = 0;
    for (let expert = 0; expert < deviceOf.length; expert++) {
      const owner = deviceOf[expert] as number;
      let total = 0;
      if (exchange === undefined) total = plan.counts[expert] as number;
      else {
        for (let source = 0; source < ranks; source++) {
          const rows = (exchange.counts[source] as Int32Array)[expert] as number;
          if (source === rank) ownFrom[expert] = total;
          (pairFrom[source] as Int32Array)[expert] = nextPair[source] as number;
          nextPair[source] = (nextPair[source] as number) + rows;
          total += rows;
        }
        resultFrom[expert] = nextResult[owner] as number;
        nextResult[owner] = (nextResult[owner] as number) + total;
      }
      if (owner === rank && total > 0) active[count++] = expert;
    }
    return count;
  }

  private async runExperts(input: MoeLayerInput, activeCount: number, number: number): Promise<number> {
    const { cache, layer } = input;
    const stamps = this.exchange?.loadStamps ?? this.soloStamps;
    const order = cache.openStep(this.active, activeCount);
    this.exchange?.awaitAll('rows');
    let outputBytes = 0;
    for (let i = 0; i < activeCount; i++) {
      const expert = order[i] as number;
      const verdict = cache.access(expert);
      if (verdict !== HIT) {
        this.clock.enter('load');
        if (verdict !== LOAD) await this.store.evict(layer, verdict);
        await this.store.load(layer, expert);
        Atomics.store(stamps, expert, number);
      }
      this.clock.enter('reorder');
      const rows = this.gather(input, expert);
      const bytes = rows * this.hidden * 4;
      outputBytes += bytes;
      this.ledger.add('expertExecution', bytes);
      this.clock.enter('experts');
      const output = await this.store.run(layer, expert, this.input.subarray(0, rows * this.hidden), rows);
      this.outputs[expert] = output;
      this.pairs += rows;
      if (this.exchange !== undefined) this.publishResult(expert, output, rows);
    }
    return outputBytes;
  }

  /** Copies an expert's rows, all ranks' in order, into the input buffer; returns their number. */
  private gather({ plan, rows, normed }: MoeLayerInput, expert: number): number {
    const { exchange, rank, hidden, topK } = this;
    let total = 0;
    if (exchange === undefined) total = plan.counts[expert] as number;
    else for (const counts of exchange.counts) total += counts[expert] as number;
    this.reserve(total);
    let out = 0;
    const ranks = exchange?.memory.ranks ?? 1;
    for (let source = 0; source < ranks; source++) {
      if (source !== rank && exchange !== undefined) {
        out = this.gatherRemote(exchange, source, expert, out);
        continue;
      }
      const end = plan.offsets[expert + 1] as number;
      for (let index = plan.offsets[expert] as number; index < end; index++) {
        const token = Math.floor((plan.pairs[index] as number) / topK);
        const from = (rows.at[token] as number) * hidden;
        this.input.set((normed[rows.group[token] as number] as Float32Array).subarray(from, from + hidden), out);
        out += hidden;
      }
    }
    return total;
  }

  private gatherRemote(exchange: Exchange, source: number, expert: number, at: number): number {
    const { hidden, topK } = this;
    const counts = exchange.counts[source] as Int32Array;
    const pairs = exchange.pairs[source] as Int32Array;
    const rows = exchange.rows[source] as Float32Array;
    const first = (this.pairFrom[source] as Int32Array)[expert] as number;
    const end = first + (counts[expert] as number);
    let out = at;
    for (let index = first; index < end; index++) {
      const from = Math.floor((pairs[index] as number) / topK) * hidden;
      this.input.set(rows.subarray(from, from + hidden), out);
      out += hidden;
    }
    return out;
  }

  /** Grows the shared input buffer; what it holds stays entered until the rank closes. */
  private reserve(rows: number): void {
    const floats = rows * this.hidden;
    if (this.input.length >= floats) return;
    this.ledger.remove('expertExecution', this.input.byteLength);
    this.input = new Float32Array(floats);
    this.ledger.add('expertExecution', this.input.byteLength);
  }

  private publishResult(expert: number, output: Float32Array, rows: number): void {
    this.clock.enter('exchange');
    const results = this.exchange?.results[this.rank] as Float32Array;
    results.set(output.subarray(0, rows * this.hidden), (this.resultFrom[expert] as number) * this.hidden);
  }

  private collectResults(): void {
    if (this.exchange === undefined) return;
    this.clock.enter('exchange');
    this.exchange.raise('results');
    this.exchange.awaitAll('results');
  }

  /** residual_t += multiplier * sum_j w_tj * Expert_{e_tj}(x_t), j in router order. */
  private combine(input: MoeLayerInput, number: number): void {
    const { rows, residual, residualMultiplier, ids, weights, choiceAt, plan, deviceOf, waited } = input;
    const { exchange, hidden, topK, rank } = this;
    const stamps = exchange?.loadStamps ?? this.soloStamps;
    this.clock.enter('combine');
    for (let token = 0; token < rows.tokens; token++) {
      const target = residual[rows.group[token] as number] as Float32Array;
      const to = (rows.at[token] as number) * hidden;
      for (let choice = 0; choice < topK; choice++) {
        const pair = token * topK + choice;
        const expert = ids[choiceAt + pair] as number;
        const weight = (weights[choiceAt + pair] as number) * residualMultiplier;
        if (Atomics.load(stamps, expert) === number) waited[token] = 1;
        const owner = deviceOf[expert] as number;
        const row = (this.ownFrom[expert] as number) + (plan.rowOfPair[pair] as number);
        const local = owner === rank ? this.outputs[expert] : undefined;
        const source = local ?? (exchange?.results[owner] as Float32Array);
        const from = (local === undefined ? (this.resultFrom[expert] as number) + row : row) * hidden;
        for (let i = 0; i < hidden; i++)
          target[to + i] = (target[to + i] as number) + weight * (source[from + i] as number);
      }
    }
  }

  close(): void {
    this.ledger.remove('expertExecution', this.input.byteLength);
    this.input = new Float32Array(0);
  }
}
