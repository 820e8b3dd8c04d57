import { combineGraph, dispatchGraph } from '../../graph/mask.ts';
import type { MaskProducts } from '../../rank/mask_rows.ts';
import { floats, type RuntimeMeter } from '../tensors.ts';
import { CpuSession } from './session.ts';

const NO_WEIGHTS = new Uint8Array(0);

/** Mask products of static gating on a CPU device. */
export class CpuMasks implements MaskProducts {
  private constructor(
    private readonly hidden: number,
    private readonly dispatching: CpuSession,
    private readonly combining: CpuSession,
  ) {}

  static async open(hidden: number, meter: RuntimeMeter): Promise<CpuMasks> {
    const dispatching = await CpuSession.create(dispatchGraph(hidden), NO_WEIGHTS, meter);
    return new CpuMasks(hidden, dispatching, await CpuSession.create(combineGraph(hidden), NO_WEIGHTS, meter));
  }

  async dispatch(mask: Float32Array, rows: Float32Array, experts: number, tokens: number, capacity: number) {
    const output = await this.dispatching.run({
      mask: floats(mask, [experts, tokens, capacity]),
      x: floats(rows, [tokens, this.hidden]),
    });
    return output('y');
  }

  async combine(weights: Float32Array, outputs: Float32Array, tokens: number, slots: number) {
    const output = await this.combining.run({
      weights: floats(weights, [tokens, slots]),
      y: floats(outputs, [slots, this.hidden]),
    });
    return output('z');
  }

  async close(): Promise<void> {
    await this.dispatching.release();
    await this.combining.release();
  }
}
