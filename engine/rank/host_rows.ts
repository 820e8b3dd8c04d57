import type { Hidden } from '../device/device.ts';
import type { GatingPolicy } from '../gating/policy.ts';
import type { BatchLayout } from './batch_layout.ts';
import { BufferRows } from './buffer_rows.ts';
import type { ExpertOutputs } from './combine.ts';
import type { Exchange } from './exchange.ts';
import { GatherRows } from './gather_rows.ts';
import type { LayerParts, MoeLayerInput } from './layer_input.ts';
import { type MaskProducts, MaskRows } from './mask_rows.ts';
import type { RowPath } from './row_path.ts';

/** What a policy does with rows that lie in this process's memory. */
export interface HostDispatch extends Omit<RowPath, 'run' | 'runAbsent' | 'show' | 'combine' | 'receive'> {
  receive(input: MoeLayerInput): void;
  /** The rows that an expert runs, padding included [rows, hidden]; valid until the next call. */
  batch(input: MoeLayerInput, expert: number): Float32Array;
  /** Adds to each token's residual stream what its experts gave. */
  combine(input: MoeLayerInput, outputs: ExpertOutputs): void | Promise<void>;
}

/** What it needs of a device that takes and gives arrays. */
export interface HostExperts {
  /** @param rows [count, hidden]; returns the expert's output [count, hidden] in memory of its own */
  run(layer: number, expert: number, rows: Float32Array, count: number): Promise<Float32Array>;
  /** The same of an expert that it does not hold. */
  runAbsent: HostExperts['run'];
  openMasks(): Promise<MaskProducts>;
}

/** Rows, batches and outputs in this process's memory: nothing is copied to a device and back. */
export class HostRows implements RowPath {
  /** Output of each expert run here in this layer, and their bytes: they are kept until combined. */
  private readonly outputs: (Float32Array | undefined)[];
  private outputBytes = 0;

  private constructor(
    private readonly dispatch: HostDispatch,
    private readonly parts: LayerParts,
    private readonly layout: BatchLayout,
    private readonly device: HostExperts,
  ) {
    this.outputs = new Array(parts.experts).fill(undefined);
  }

  static async open(
    policy: GatingPolicy,
    parts: LayerParts,
    layout: BatchLayout,
    device: HostExperts,
  ): Promise<HostRows> {
    return new HostRows(await openDispatch(policy, parts, layout, device), parts, layout, device);
  }

  publish(input: MoeLayerInput, exchange: Exchange | undefined): void | Promise<void> {
    return this.dispatch.publish(input, exchange);
  }

  receive(input: MoeLayerInput): void {
    this.dispatch.receive(input);
  }

  run(input: MoeLayerInput, expert: number): Promise<number> {
    this.parts.clock.enter('reorder');
    return this.runBatch(input, expert, this.dispatch.batch(input, expert), this.device.run);
  }

  async runAbsent(input: MoeLayerInput, experts: readonly number[]): Promise<number> {
    let rows = 0;
    for (const expert of experts) {
      this.parts.clock.enter('reorder');
      const floats = (this.layout.batchRows[expert] as number) * this.parts.hidden;
      const batch = this.dispatch.batch(input, expert).subarray(0, floats);
      rows += await this.runBatch(input, expert, batch, this.device.runAbsent);
    }
    return rows;
  }

  /** @returns rows of the batch */
  private async runBatch(
    input: MoeLayerInput,
    expert: number,
    batch: Float32Array,
    run: HostExperts['run'],
  ): Promise<number> {
    const { layout } = this;
    const { rank, hidden, exchange, ledger, clock } = this.parts;
    this.outputBytes += batch.byteLength;
    ledger.add('expertExecution', batch.byteLength);
    clock.enter('experts');
    const rows = batch.length / hidden;
    const output = await run(input.layer, expert, batch, rows);
    this.outputs[expert] = output;
    if (exchange !== undefined) {
      clock.enter('exchange');
      // What a device padded itself does not go back.
      const floats = (layout.batchRows[expert] as number) * hidden;
      const results = exchange.results[rank] as Float32Array;
      results.set(output.subarray(0, floats), layout.ownResult(expert) * hidden);
    }
    return rows;
  }

  async combine(input: MoeLayerInput): Promise<readonly Hidden[]> {
    const outputs = { local: this.outputs, remote: this.parts.exchange?.results ?? [] };
    const combining = this.dispatch.combine(input, outputs);
    if (combining !== undefined) await combining;
    return input.residual;
  }

  finish(): void {
    this.dispatch.finish();
    this.outputs.fill(undefined);
    this.parts.ledger.remove('expertExecution', this.outputBytes);
    this.outputBytes = 0;
  }

  close(): void | Promise<void> {
    return this.dispatch.close();
  }
}

async function openDispatch(
  policy: GatingPolicy,
  parts: LayerParts,
  layout: BatchLayout,
  device: HostExperts,
): Promise<HostDispatch> {
  switch (policy.dispatch) {
    case 'gather':
      return new GatherRows(parts, layout);
    case 'buffer':
      return new BufferRows(parts, policy.blockRows, layout);
    case 'mask':
      return new MaskRows(parts, layout, await device.openMasks());
  }
}
