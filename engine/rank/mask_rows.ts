import { fillCombineWeights, fillDispatchMask } from '../gating/static.ts';
import { ArrivalBuffer } from './arrival_buffer.ts';
import type { BatchLayout } from './batch_layout.ts';
import { type ExpertOutputs, sourceOf, sourceRow } from './combine.ts';
import type { Exchange } from './exchange.ts';
import type { HostDispatch } from './host_rows.ts';
import type { LayerParts, MoeLayerInput } from './layer_input.ts';
import { Scratch } from './scratch.ts';

/** Matrix products of a device; results are in memory of their own. */
export interface MaskProducts {
  /** @param mask [experts, tokens, capacity] @param rows [tokens, hidden]; returns [experts, capacity, hidden] */
  dispatch(
    mask: Float32Array,
    rows: Float32Array,
    experts: number,
    tokens: number,
    capacity: number,
  ): Promise<Float32Array>;
  /** @param weights [tokens, slots] @param outputs [slots, hidden]; returns [tokens, hidden] */
  combine(weights: Float32Array, outputs: Float32Array, tokens: number, slots: number): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Static gating's way (paper, section "Static Gating"): a dispatch mask (E, S, C S) and combine weights (S, E, C S) are built, tokens
 * are reordered and their outputs put back by matrix products, O(S^2 E d C) each. Both masks live from dispatch to combine.
 */
export class MaskRows implements HostDispatch {
  private readonly arrivals: ArrivalBuffer;
  private readonly mask: Scratch;
  private readonly weights: Scratch;
  private readonly tokens: Scratch;
  private readonly returned: Scratch;
  private weightsNow: Float32Array = new Float32Array(0);
  private dispatched: Float32Array = new Float32Array(0);
  private dispatchedBytes = 0;

  constructor(
    private readonly parts: LayerParts,
    private readonly layout: BatchLayout,
    private readonly masks: MaskProducts,
  ) {
    this.arrivals = new ArrivalBuffer(parts, 1, layout);
    const scratch = () => new Scratch('gatingReorder', parts.ledger);
    this.mask = scratch();
    this.weights = scratch();
    this.tokens = scratch();
    this.returned = scratch();
  }

  async publish(input: MoeLayerInput, exchange: Exchange | undefined): Promise<void> {
    const { rank, experts, hidden, ledger, clock } = this.parts;
    const { plan, rows, normed } = input;
    if (plan.slots === 0) return;
    clock.enter('reorder');
    const floats = experts * plan.tokens * plan.capacity;
    const mask = this.mask.take(floats);
    fillDispatchMask(plan, mask);
    this.weightsNow = this.weights.take(floats);
    fillCombineWeights(plan, input.weights, input.choiceAt, this.weightsNow);
    const tokens = this.tokens.take(plan.tokens * hidden);
    for (let token = 0; token < plan.tokens; token++) {
      const from = (rows.at[token] as number) * hidden;
      tokens.set((normed[rows.group[token] as number] as Float32Array).subarray(from, from + hidden), token * hidden);
    }
    this.dispatchedBytes = plan.slots * hidden * 4;
    ledger.add('gatingReorder', this.dispatchedBytes);
    this.dispatched = await this.masks.dispatch(mask, tokens, experts, plan.tokens, plan.capacity);
    if (exchange === undefined) return;
    clock.enter('exchange');
    (exchange.rows[rank] as Float32Array).set(this.dispatched);
  }

  receive(): void {
    const { exchange, clock } = this.parts;
    if (exchange === undefined) return;
    clock.enter('exchange');
    this.arrivals.collect(exchange);
  }

  batch({ plan }: MoeLayerInput, expert: number): Float32Array {
    if (this.parts.exchange !== undefined) return this.arrivals.batch(expert);
    const floats = plan.capacity * this.parts.hidden;
    return this.dispatched.subarray(expert * floats, (expert + 1) * floats);
  }

  async combine(input: MoeLayerInput, outputs: ExpertOutputs): Promise<void> {
    const { hidden, ledger, clock } = this.parts;
    const { plan, rows, residual, residualMultiplier } = input;
    if (plan.slots === 0) return;
    clock.enter('combine');
    const returned = this.returned.take(plan.slots * hidden);
    this.takeBack(input, outputs, returned);
    const bytes = plan.tokens * hidden * 4;
    ledger.add('gatingReorder', bytes);
    const sums = await this.masks.combine(this.weightsNow, returned, plan.tokens, plan.slots);
    for (let token = 0; token < plan.tokens; token++) {
      const target = residual[rows.group[token] as number] as Float32Array;
      const to = (rows.at[token] as number) * hidden;
      const from = token * hidden;
      for (let i = 0; i < hidden; i++)
        target[to + i] = (target[to + i] as number) + residualMultiplier * (sums[from + i] as number);
    }
    ledger.remove('gatingReorder', bytes);
  }

  finish(): void {
    for (const scratch of [this.mask, this.weights, this.tokens, this.returned]) scratch.give();
    this.arrivals.give();
    this.parts.ledger.remove('gatingReorder', this.dispatchedBytes);
    this.dispatchedBytes = 0;
    this.dispatched = new Float32Array(0);
  }

  async close(): Promise<void> {
    this.finish();
    for (const scratch of [this.mask, this.weights, this.tokens, this.returned]) scratch.close();
    this.arrivals.close();
    await this.masks.close();
  }

  /** This rank's rows of all experts' outputs, where its combine weights expect them [E, C S, hidden]. */
  private takeBack({ plan }: MoeLayerInput, outputs: ExpertOutputs, returned: Float32Array): void {
    const { layout } = this;
    const { hidden, experts } = this.parts;
    const { capacity } = plan;
    for (let expert = 0; expert < experts; expert++) {
      const own = layout.ownFrom[expert] as number;
      // Copies of the expert may each have run a part of them.
      for (let row = own; row < own + capacity; ) {
        const copy = layout.copyOf(expert, row);
        const end = Math.min(own + capacity, layout.partEnd(expert, copy));
        const from = sourceRow(layout, expert, copy, row) * hidden;
        const part = sourceOf(outputs, layout, expert, copy).subarray(from, from + (end - row) * hidden);
        returned.set(part, (expert * capacity + row - own) * hidden);
        row = end;
      }
    }
  }
}
