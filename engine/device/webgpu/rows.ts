import type { Tensor } from 'onnxruntime-node';
import { wholeBlocks } from '../../gating/megablocks.ts';
import type { GatingPolicy } from '../../gating/policy.ts';
import type { LedgerCategory } from '../../protocol/telemetry.ts';
import type { BatchLayout } from '../../rank/batch_layout.ts';
import type { Exchange } from '../../rank/exchange.ts';
import type { LayerParts, MoeLayerInput } from '../../rank/layer_input.ts';
import type { RowPath } from '../../rank/row_path.ts';
import type { AbsentExperts } from '../absent_experts.ts';
import type { Hidden } from '../device.ts';
import { ArrivedRows } from './arrived_rows.ts';
import { addOutputs } from './combine.ts';
import { combineMask, type Dispatch, dispatchOf } from './dispatch.ts';
import type { WebGpuExperts } from './experts.ts';
import { deviceTensor } from './hidden.ts';
import type { WebGpuMemory } from './memory.ts';
import { type Choices, choicesOfGroup, OutputPlaces } from './output_places.ts';
import { RowPile } from './row_pile.ts';
import { baseRows } from './token_index.ts';

/** What rows are moved and run by. */
interface RowsDevice {
  readonly experts: WebGpuExperts;
  readonly absent: AbsentExperts;
  readonly memory: WebGpuMemory;
}

const NO_ROWS = new Float32Array(0);
const NO_PLACES = new Int32Array(0);

/**
 * Rows, batches and outputs in a device's memory. With one device nothing comes back; with several the rows that this rank sends, and
 * outputs of others' rows; and in a layer that the host computes experts of, their rows. Every expert gathers its batch by index from one matrix of rows (own, then arrived), and puts its outputs
 * in their place of another, in the order in which other ranks read them.
 */
export class WebGpuRows implements RowPath {
  private readonly memory: WebGpuMemory;
  private readonly dispatch: Dispatch;
  private readonly arrived: ArrivedRows;
  private readonly returned: RowPile;
  /** Where groups begin in the stacked tokens. */
  private base: Int32Array = new Int32Array(1);
  /** What this rank sends; with what arrived, what experts read. */
  private laidOut: Tensor | undefined;
  private rows: Tensor | undefined;
  /** Outputs of all experts: `outputRows` that are somebody's, then those of padding. */
  private outputs: Tensor | undefined;
  private outputRows = 0;
  /** Rows of experts that the host computes, one expert behind the other, and where their outputs belong. */
  private absentRows: Float32Array = NO_ROWS;
  private absentPlaces: Int32Array = NO_PLACES;
  /** Tensors of this layer and where the ledger has them. */
  private readonly held = new Map<Tensor, LedgerCategory>();

  private constructor(
    private readonly policy: GatingPolicy,
    private readonly parts: LayerParts,
    private readonly layout: BatchLayout,
    private readonly device: RowsDevice,
    private readonly zeroRow: Tensor,
  ) {
    const { memory } = device;
    this.memory = memory;
    this.dispatch = dispatchOf(policy, memory, parts.hidden);
    this.arrived = new ArrivedRows(layout, parts, policy.dispatch === 'gather');
    this.returned = new RowPile(parts.hidden);
  }

  static async open(
    policy: GatingPolicy,
    parts: LayerParts,
    layout: BatchLayout,
    device: RowsDevice,
  ): Promise<WebGpuRows> {
    parts.ledger.add('gatingReorder', parts.hidden * 4);
    return new WebGpuRows(policy, parts, layout, device, await device.memory.zeros([1, parts.hidden]));
  }

  async publish(input: MoeLayerInput, exchange: Exchange | undefined): Promise<void> {
    const { memory, dispatch } = this;
    const { clock, hidden, rank } = this.parts;
    const groups = input.normed.map(deviceTensor);
    if (groups.length === 0) return;
    clock.enter('reorder');
    this.base = baseRows(groups);
    const tokens = this.hold(await memory.stack(dispatch.needsZero ? [...groups, this.zeroRow] : groups, hidden));
    for (const group of groups) group.dispose();
    const laidOut = await dispatch.layOut(input, tokens, this.base);
    this.laidOut = this.hold(laidOut);
    if (laidOut !== tokens) this.drop(tokens);
    if (exchange === undefined) return;
    clock.enter('exchange');
    const { plan, rows } = input;
    const sent = await memory.download(laidOut);
    const out = exchange.rows[rank] as Float32Array;
    if (this.policy.dispatch !== 'gather') {
      out.set(sent);
      return;
    }
    (exchange.pairs[rank] as Int32Array).set(plan.pairs.subarray(0, plan.tokens * plan.topK));
    for (let token = 0; token < plan.tokens; token++) {
      const from = ((this.base[rows.group[token] as number] as number) + (rows.at[token] as number)) * hidden;
      out.set(sent.subarray(from, from + hidden), token * hidden);
    }
  }

  async receive(input: MoeLayerInput): Promise<void> {
    const { layout, laidOut, memory, policy } = this;
    const { pile } = this.arrived;
    const { clock, hidden, exchange } = this.parts;
    clock.enter(exchange === undefined ? 'reorder' : 'exchange');
    if (exchange !== undefined) this.arrived.collect(exchange, input.plan.topK);
    const arrived = pile.count === 0 ? undefined : await memory.upload('float32', pile.rows, [pile.count, hidden]);
    this.rows = await this.joined([laidOut, arrived, policy.blockRows > 1 ? this.zeroRow : undefined]);
    if (arrived !== this.rows) arrived?.dispose();
    this.outputRows = 0;
    for (let i = 0; i < layout.activeCount; i++)
      this.outputRows += layout.batchRows[layout.active[i] as number] as number;
    if (this.outputRows === 0) return;
    this.outputs = this.hold(await memory.zeros([this.outputRows + policy.blockRows - 1, hidden]), 'expertExecution');
  }

  async run(input: MoeLayerInput, expert: number): Promise<number> {
    const { layout, outputRows } = this;
    const { clock } = this.parts;
    clock.enter('reorder');
    const rows = this.rows as Tensor;
    const real = layout.batchRows[expert] as number;
    const count = wholeBlocks(real, this.policy.blockRows);
    // Padding reads the row of zeros, which lies last, and is put behind everybody's outputs.
    const from = new Int32Array(count).fill((rows.dims[0] as number) - 1);
    const result = layout.ownResult(expert);
    const to = Int32Array.from(from, (_, row) => (row < real ? result + row : outputRows + row - real));
    this.rowsOf(input, expert, from);
    clock.enter('experts');
    await this.device.experts.run(input.layer, expert, rows, from, this.outputs as Tensor, to);
    return count;
  }

  /** In one piece, before anything is queued that would have to be waited for. */
  async fetchAbsent(input: MoeLayerInput, experts: readonly number[]): Promise<void> {
    const { layout, memory } = this;
    const { clock, ledger } = this.parts;
    clock.enter('reorder');
    const count = experts.reduce((sum, expert) => sum + (layout.batchRows[expert] as number), 0);
    const from = new Int32Array(count);
    const to = new Int32Array(count);
    let at = 0;
    for (const expert of experts) {
      const rows = layout.batchRows[expert] as number;
      this.rowsOf(input, expert, from.subarray(at, at + rows));
      const result = layout.ownResult(expert);
      for (let row = 0; row < rows; row++) to[at++] = result + row;
    }
    const gathered = await memory.gather(this.rows as Tensor, from);
    ledger.add('gatingReorder', gathered.size * 4);
    this.absentRows = await memory.download(gathered);
    this.absentPlaces = to;
    gathered.dispose();
    ledger.remove('gatingReorder', this.absentRows.byteLength);
  }

  /** While the device works on what was queued for those that it holds; their outputs go to it in one piece. */
  async runAbsent({ layer }: MoeLayerInput, experts: readonly number[]): Promise<number> {
    const { layout, absentRows, absentPlaces } = this;
    const { hidden, clock } = this.parts;
    clock.enter('experts');
    const outputs = new Float32Array(absentRows.length);
    let at = 0;
    for (const expert of experts) {
      const count = layout.batchRows[expert] as number;
      const rows = absentRows.subarray(at * hidden, (at + count) * hidden);
      outputs.set(await this.device.absent.run(layer, expert, rows, count), at * hidden);
      at += count;
    }
    await this.memory.place(outputs, absentPlaces, this.outputs as Tensor);
    this.absentRows = NO_ROWS;
    this.absentPlaces = NO_PLACES;
    return at;
  }

  /** Where the rows of an expert's batch lie in the matrix that experts read, into the first places of `from`. */
  private rowsOf(input: MoeLayerInput, expert: number, from: Int32Array): void {
    const { layout, base, dispatch } = this;
    const { rank, exchange } = this.parts;
    const own = this.laidOut?.dims[0] ?? 0;
    let at = 0;
    for (let source = 0; source < (exchange?.memory.ranks ?? 1); source++) {
      const first = layout.sentFirst(source, expert);
      const end = first + layout.sentCount(source, expert);
      for (let index = first; index < end; index++) {
        if (source === rank || exchange === undefined) from[at++] = dispatch.rowOf(input, base, index);
        else from[at++] = own + this.arrived.place(exchange, source, index, input.plan.topK);
      }
    }
  }

  /** Outputs come back in one piece, this rank's own included: where they lie is where others read them. */
  async show(): Promise<void> {
    const { outputs, outputRows } = this;
    const { rank, hidden, exchange } = this.parts;
    if (exchange === undefined || outputs === undefined || this.arrived.pile.count === 0) return;
    const floats = await this.memory.download(outputs);
    (exchange.results[rank] as Float32Array).set(floats.subarray(0, outputRows * hidden));
  }

  async combine(input: MoeLayerInput): Promise<readonly Hidden[]> {
    const residual = input.residual.map(deviceTensor);
    if (residual.length === 0) return residual;
    this.parts.clock.enter('combine');
    const added = await this.added(input);
    if (added === undefined) return residual;
    const sums: Tensor[] = [];
    for (const [group, states] of residual.entries()) {
      const [batch, length] = states.dims as [number, number, number];
      const { place, weight } = choicesOfGroup(added.choices, input, group, batch * length);
      sums.push(await addOutputs(this.memory, states, added.outputs, place, weight));
    }
    return sums;
  }

  finish(): void {
    for (const tensor of [...this.held.keys()]) this.drop(tensor);
    this.laidOut = undefined;
    this.rows = undefined;
    this.outputs = undefined;
  }

  close(): void {
    this.finish();
    this.zeroRow.dispose();
    this.parts.ledger.remove('gatingReorder', this.parts.hidden * 4);
  }

  /** What is added to tokens; undefined where nothing is. */
  private async added(input: MoeLayerInput): Promise<{ outputs: Tensor; choices: Choices } | undefined> {
    const { memory, returned, layout } = this;
    const { hidden, exchange } = this.parts;
    const { plan, residualMultiplier } = input;
    if (plan.slots === 0) return undefined;
    returned.clear();
    const places = new OutputPlaces(layout, exchange?.results ?? [], returned, this.outputs?.dims[0] ?? 0);
    const slots = this.policy.dispatch === 'mask' ? places.ofSlots(input) : undefined;
    const pairs = slots === undefined ? places.ofPairs(input) : undefined;
    const back =
      returned.count === 0 ? undefined : await memory.upload('float32', returned.rows, [returned.count, hidden]);
    const outputs = await this.joined([this.outputs, back]);
    if (outputs !== back) back?.dispose();
    if (outputs === undefined) return undefined;
    if (pairs !== undefined) return { outputs, choices: pairs };
    const inOrder = this.hold(await memory.gather(outputs, slots as Int32Array));
    const sums = this.hold(await combineMask(input, memory, hidden, inOrder));
    const place = Int32Array.from({ length: plan.tokens }, (_, token) => token);
    const weight = new Float32Array(plan.tokens).fill(residualMultiplier);
    return { outputs: sums, choices: { place, weight, each: 1 } };
  }

  /** Matrices one below the other, held until the layer ends: the only one itself, or a new one. */
  private async joined(parts: readonly (Tensor | undefined)[]): Promise<Tensor | undefined> {
    const there = parts.filter((part) => part !== undefined);
    const [first] = there;
    if (first === undefined || first === this.zeroRow) return undefined;
    return this.hold(there.length > 1 ? await this.memory.stack(there, this.parts.hidden) : first);
  }

  private hold(tensor: Tensor, category: LedgerCategory = 'gatingReorder'): Tensor {
    if (this.held.has(tensor)) return tensor;
    this.held.set(tensor, category);
    this.parts.ledger.add(category, tensor.size * 4);
    return tensor;
  }

  private drop(tensor: Tensor): void {
    const category = this.held.get(tensor);
    if (category === undefined) return;
    this.held.delete(tensor);
    this.parts.ledger.remove(category, tensor.size * 4);
    tensor.dispose();
  }
}
