import { ArrivalBuffer } from './arrival_buffer.ts';
import type { BatchLayout } from './batch_layout.ts';
import { combineRows, type ExpertOutputs } from './combine.ts';
import type { Exchange } from './exchange.ts';
import type { HostDispatch } from './host_rows.ts';
import type { LayerParts, MoeLayerInput } from './layer_input.ts';

/**
 * Token rows copied, expert by expert, into one buffer before any expert runs (Tutel, FastMoE, MegaBlocks). With several devices the
 * buffer is this rank's outbox, padding and all, and each device collects its experts' parts into a buffer of its own.
 */
export class BufferRows implements HostDispatch {
  private readonly arrivals: ArrivalBuffer;

  constructor(
    private readonly parts: LayerParts,
    blockRows: number,
    private readonly layout: BatchLayout,
  ) {
    this.arrivals = new ArrivalBuffer(parts, blockRows, layout);
  }

  publish(input: MoeLayerInput, exchange: Exchange | undefined): void {
    if (exchange === undefined) return;
    const { clock, rank, hidden } = this.parts;
    const { plan } = input;
    clock.enter('reorder');
    const out = exchange.rows[rank] as Float32Array;
    if (plan.capacity > 0) {
      out.fill(0, 0, plan.slots * hidden);
      this.scatter(input, out, (expert) => expert * plan.capacity);
    } else this.scatter(input, out, (expert) => plan.offsets[expert] as number);
    clock.enter('exchange');
  }

  receive(input: MoeLayerInput): void {
    const { clock, exchange } = this.parts;
    if (exchange === undefined) {
      clock.enter('reorder');
      const { from } = this.arrivals;
      this.scatter(input, this.arrivals.open(), (expert) => from[expert] as number);
    } else {
      clock.enter('exchange');
      this.arrivals.collect(exchange);
    }
  }

  batch(_: MoeLayerInput, expert: number): Float32Array {
    return this.arrivals.batch(expert);
  }

  combine(input: MoeLayerInput, outputs: ExpertOutputs): void {
    this.parts.clock.enter('combine');
    combineRows(input, this.layout, outputs, this.parts.hidden);
  }

  finish(): void {
    this.arrivals.give();
  }

  close(): void {
    this.arrivals.close();
  }

  private scatter({ plan, rows, normed }: MoeLayerInput, out: Float32Array, first: (expert: number) => number): void {
    const { hidden, experts } = this.parts;
    const { offsets, counts, pairs, topK } = plan;
    for (let expert = 0; expert < experts; expert++) {
      const count = counts[expert] as number;
      if (count === 0) continue;
      let to = first(expert) * hidden;
      const begin = offsets[expert] as number;
      for (let index = begin; index < begin + count; index++) {
        const token = Math.floor((pairs[index] as number) / topK);
        const from = (rows.at[token] as number) * hidden;
        out.set((normed[rows.group[token] as number] as Float32Array).subarray(from, from + hidden), to);
        to += hidden;
      }
    }
  }
}
