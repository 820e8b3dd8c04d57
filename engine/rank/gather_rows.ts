import type { BatchLayout } from './batch_layout.ts';
import type { Exchange } from './exchange.ts';
import type { MoeLayerInput } from './layer_input.ts';
import type { MemoryLedger } from './ledger.ts';

/**
 * Token rows on their way to experts by index (paper, dynamic gating steps 5 to 7): a rank shows its token rows once, and an
 * expert's batch is gathered from them right before it runs, into one buffer used again and again.
 */
export class GatherRows {
  private input = new Float32Array(0);

  constructor(
    private readonly rank: number,
    private readonly hidden: number,
    private readonly topK: number,
    private readonly layout: BatchLayout,
    private readonly exchange: Exchange | undefined,
    private readonly ledger: MemoryLedger,
  ) {}

  /** Shows this rank's rows to the others. */
  publish({ rows, normed, plan }: MoeLayerInput, exchange: Exchange): void {
    const { hidden, rank } = this;
    (exchange.pairs[rank] as Int32Array).set(plan.pairs.subarray(0, rows.tokens * this.topK));
    const out = exchange.rows[rank] as Float32Array;
    for (let token = 0; token < rows.tokens; token++) {
      const from = (rows.at[token] as number) * hidden;
      out.set((normed[rows.group[token] as number] as Float32Array).subarray(from, from + hidden), token * hidden);
    }
  }

  /** An expert's batch, all ranks' rows in order [rows, hidden]; valid until the next one is asked for. */
  batch({ plan, rows, normed }: MoeLayerInput, expert: number): Float32Array {
    const { exchange, rank, hidden, topK, layout } = this;
    const floats = (layout.batchRows[expert] as number) * hidden;
    this.reserve(floats);
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
    return this.input.subarray(0, floats);
  }

  close(): void {
    this.ledger.remove('expertExecution', this.input.byteLength);
    this.input = new Float32Array(0);
  }

  private gatherRemote(exchange: Exchange, source: number, expert: number, at: number): number {
    const { hidden, topK } = this;
    const pairs = exchange.pairs[source] as Int32Array;
    const rows = exchange.rows[source] as Float32Array;
    const first = (this.layout.sentFrom[source] as Int32Array)[expert] as number;
    const end = first + ((exchange.sizes[source] as Int32Array)[expert] as number);
    let out = at;
    for (let index = first; index < end; index++) {
      const from = Math.floor((pairs[index] as number) / topK) * hidden;
      this.input.set(rows.subarray(from, from + hidden), out);
      out += hidden;
    }
    return out;
  }

  /** Grows the buffer; what it holds stays entered until the rank closes. */
  private reserve(floats: number): void {
    if (this.input.length >= floats) return;
    this.ledger.remove('expertExecution', this.input.byteLength);
    this.input = new Float32Array(floats);
    this.ledger.add('expertExecution', this.input.byteLength);
  }
}
