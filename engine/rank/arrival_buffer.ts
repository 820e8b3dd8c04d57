import { wholeBlocks } from '../gating/megablocks.ts';
import type { BatchLayout } from './batch_layout.ts';
import type { Exchange } from './exchange.ts';
import type { LayerParts } from './layer_input.ts';
import { Scratch } from './scratch.ts';

/**
 * The rows of all experts that this device runs, expert by expert and rank by rank, in one buffer: what an all-to-all leaves on
 * a device. Each expert's rows end with zeros up to a whole block.
 */
export class ArrivalBuffer {
  private readonly hidden: number;
  private readonly scratch: Scratch;
  private rows: Float32Array = new Float32Array(0);
  /** Where each active expert's rows begin, and how many they are, padding included [experts]. */
  readonly from: Int32Array;
  readonly length: Int32Array;

  constructor(
    { experts, hidden, ledger }: LayerParts,
    private readonly blockRows: number,
    private readonly layout: BatchLayout,
  ) {
    this.hidden = hidden;
    this.scratch = new Scratch('gatingReorder', ledger);
    this.from = new Int32Array(experts);
    this.length = new Int32Array(experts);
  }

  /** Takes zeros for the layer's batches. */
  open(): Float32Array {
    const { layout, from, length } = this;
    let next = 0;
    for (let i = 0; i < layout.activeCount; i++) {
      const expert = layout.active[i] as number;
      from[expert] = next;
      length[expert] = wholeBlocks(layout.batchRows[expert] as number, this.blockRows);
      next += length[expert] as number;
    }
    this.rows = this.scratch.take(next * this.hidden);
    return this.rows;
  }

  /** Copies every rank's rows out of its outbox, where they lie expert by expert. */
  collect(exchange: Exchange): void {
    const { layout, hidden } = this;
    const buffer = this.open();
    for (let i = 0; i < layout.activeCount; i++) {
      const expert = layout.active[i] as number;
      let to = (this.from[expert] as number) * hidden;
      for (const [source, rows] of exchange.rows.entries()) {
        const first = layout.sentFirst(source, expert) * hidden;
        const floats = layout.sentCount(source, expert) * hidden;
        buffer.set(rows.subarray(first, first + floats), to);
        to += floats;
      }
    }
  }

  batch(expert: number): Float32Array {
    const first = (this.from[expert] as number) * this.hidden;
    return this.rows.subarray(first, first + (this.length[expert] as number) * this.hidden);
  }

  give(): void {
    this.scratch.give();
  }

  close(): void {
    this.scratch.close();
  }
}
