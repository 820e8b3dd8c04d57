import type { ExpertOutputs } from './combine.ts';
import type { Exchange } from './exchange.ts';
import type { MoeLayerInput } from './layer_input.ts';

/**
 * How token rows come to experts and back. One layer calls `publish` and `receive` once, `batch` for each expert that runs,
 * `combine` and `finish` once. Time is entered by the path itself: copying within a rank is reordering, between ranks exchange.
 */
export interface RowPath {
  /** Makes this rank's rows, and with several devices writes them where the others find them; sizes were raised before. */
  publish(input: MoeLayerInput, exchange: Exchange | undefined): void | Promise<void>;
  /** All ranks' rows are there. */
  receive(input: MoeLayerInput): void;
  /** The rows that an expert runs, padding included [rows, hidden]; valid until the next call. */
  batch(input: MoeLayerInput, expert: number): Float32Array;
  /** Adds to each token's residual stream what its experts gave. */
  combine(input: MoeLayerInput, outputs: ExpertOutputs): void | Promise<void>;
  /** Gives up what was held for this layer. */
  finish(): void;
  /** Gives up everything. */
  close(): void | Promise<void>;
}
