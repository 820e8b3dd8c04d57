import type { BatchLayout } from './batch_layout.ts';
import { combineRows, type ExpertOutputs } from './combine.ts';
import type { Exchange } from './exchange.ts';
import type { HostDispatch } from './host_rows.ts';
import type { LayerParts, MoeLayerInput } from './layer_input.ts';

/**
 * Token rows on their way to experts by index (paper, dynamic gating steps 5 to 7): a rank shows its token rows once, and an
 * expert's batch is gathered from them right before it runs, into one buffer used again and again.
 */
export class GatherRows implements HostDispatch {
  private input = new Float32Array(0);

  constructor(
    private readonly parts: LayerParts,
    private readonly layout: BatchLayout,
  ) {}

  /** Shows this rank's rows to the others. */
  publish({ rows, normed, plan }: MoeLayerInput, exchange: Exchange | undefined): void {
    if (exchange === undefined) return;
    const { hidden, rank } = this.parts;
    (exchange.pairs[rank] as Int32Array).set(plan.pairs.subarray(0, rows.tokens * plan.topK));
    const out = exchange.rows[rank] as Float32Array;
    for (let token = 0; token < rows.tokens; token++) {
      const from = (rows.at[token] as number) * hidden;
      out.set((normed[rows.group[token] as number] as Float32Array).subarray(from, from + hidden), token * hidden);
    }
  }

  /** Nothing: rows stay where they are until their expert runs. */
  receive(): void {}

  batch({ plan, rows, normed }: MoeLayerInput, expert: number): Float32Array {
    const { layout } = this;
    const { exchange, rank, hidden } = this.parts;
    const { topK } = plan;
    const floats = (layout.batchRows[expert] as number) * hidden;
    this.reserve(floats);
    let out = 0;
    const ranks = exchange?.memory.ranks ?? 1;
    for (let source = 0; source < ranks; source++) {
      if (source !== rank && exchange !== undefined) {
        out = this.gatherRemote(exchange, source, expert, topK, out);
        continue;
      }
      const first = layout.sentFirst(source, expert);
      const end = first + layout.sentCount(source, expert);
      for (let index = first; index < end; index++) {
        const token = Math.floor((plan.pairs[index] as number) / topK);
        const from = (rows.at[token] as number) * hidden;
        this.input.set((normed[rows.group[token] as number] as Float32Array).subarray(from, from + hidden), out);
        out += hidden;
      }
    }
    return this.input.subarray(0, floats);
  }

  combine(input: MoeLayerInput, outputs: ExpertOutputs): void {
    this.parts.clock.enter('combine');
    combineRows(input, this.layout, outputs, this.parts.hidden);
  }

  /** Nothing: the buffer is kept. */
  finish(): void {}

  close(): void {
    this.parts.ledger.remove('expertExecution', this.input.byteLength);
    this.input = new Float32Array(0);
  }

  private gatherRemote(exchange: Exchange, source: number, expert: number, topK: number, at: number): number {
    const { hidden } = this.parts;
    const pairs = exchange.pairs[source] as Int32Array;
    const rows = exchange.rows[source] as Float32Array;
    const first = this.layout.sentFirst(source, expert);
    const end = first + this.layout.sentCount(source, expert);
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
    const { ledger } = this.parts;
    ledger.remove('expertExecution', this.input.byteLength);
    this.input = new Float32Array(floats);
    ledger.add('expertExecution', this.input.byteLength);
  }
}
