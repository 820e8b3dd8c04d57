import { combineGraph, dispatchGraph } from '../../graph/mask.ts';
import type { MaskProducts } from '../../rank/mask_rows.ts';
import { floats } from '../tensors.ts';
import type { HostSession, MakeSession } from './session.ts';

const NO_WEIGHTS = new Uint8Array(0);

/** Mask products of static gating on a CPU device. */
export class CpuMasks implements MaskProducts {
  private constructor(
    private readonly hidden: number,
    private readonly dispatching: HostSession,
    private readonly combining: HostSession,
  ) {}

  static async open(hidden: number, make: MakeSession): Promise<CpuMasks> {
    const dispatching = await make(dispatchGraph(hidden), NO_WEIGHTS);
    return new CpuMasks(hidden, dispatching, await make(combineGraph(hidden), NO_WEIGHTS));
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
