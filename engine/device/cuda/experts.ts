import type { WeightPrecision } from '../../checkpoint/block_quantise.ts';
import type { MoeLayer } from '../../families/spec.ts';
import type { MemoryLedger } from '../../rank/ledger.ts';
import type { HostedExperts } from '../cpu/open.ts';
import { POOL_BYTES, SESSION_BYTES } from './session_bytes.ts';

/**
 * Rows up to which ONNX Runtime multiplies by few bits as they are; more, and it unpacks the whole matrix into its pool first (1.30: from 6
 * rows on at 8 bits, and at 4 bits somewhere above 16).
 */
const LOW_BIT_ROWS = { int8: 4, int4: 8 } as const;

export interface CudaExpertsParts {
  readonly inner: HostedExperts;
  readonly layers: readonly MoeLayer[];
  readonly hidden: number;
  readonly precision: WeightPrecision;
  readonly ledger: MemoryLedger;
}

/**
 * Experts on a card, a session each: creating it sends the weights there, which is the miss, and releasing it is the eviction. A session's
 * pool for activations is its own and never shrinks, and there are as many as experts: so rows run in pieces that fit its first megabyte,
 * and that much is entered in the ledger for each expert (measured on ONNX Runtime 1.30: 512 rows at once would leave 15 MiB beside 24 MiB
 * of weights). One graph for all, fed with weights, was rejected: the Node binding sends an input over the bus in every call.
 */
export class CudaExperts implements HostedExperts {
  constructor(private readonly parts: CudaExpertsParts) {}

  bytesPerExpert(layer: number): number {
    return this.parts.inner.bytesPerExpert(layer);
  }

  async load(layer: number, expert: number): Promise<void> {
    this.parts.ledger.add('expertExecution', SESSION_BYTES);
    await this.parts.inner.load(layer, expert);
  }

  async evict(layer: number, expert: number): Promise<void> {
    await this.parts.inner.evict(layer, expert);
    this.parts.ledger.remove('expertExecution', SESSION_BYTES);
  }

  async run(layer: number, expert: number, rows: Float32Array, count: number): Promise<Float32Array> {
    const { inner, layers, hidden, precision } = this.parts;
    const { width } = (layers[layer] as MoeLayer).feedForward;
    const most = rowsAtOnce(hidden, width, precision);
    if (count <= most) return inner.run(layer, expert, rows, count);
    const outputs = new Float32Array(count * hidden);
    for (let row = 0; row < count; row += most) {
      const some = Math.min(most, count - row);
      const piece = rows.subarray(row * hidden, (row + some) * hidden);
      outputs.set(await inner.run(layer, expert, piece, some), row * hidden);
    }
    return outputs;
  }
}

/** Rows whose activations, all of them together, fit in the first piece of a session's pool; one at least. */
export function rowsAtOnce(hidden: number, width: number, precision: WeightPrecision): number {
  // Input and output, each also turned; gate and up, each also split off, activated, and their product.
  const floats = 4 * hidden + 6 * width;
  const fit = Math.max(1, Math.floor(POOL_BYTES / (4 * floats)));
  return precision === 'int8' || precision === 'int4' ? Math.min(fit, LOW_BIT_ROWS[precision]) : fit;
}
