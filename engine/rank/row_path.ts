import type { Hidden } from '../device/device.ts';
import type { Exchange } from './exchange.ts';
import type { MoeLayerInput } from './layer_input.ts';

/**
 * How token rows come to experts and back. One layer calls `publish` and `receive` once, `run` for each expert that has rows,
 * `combine` and `finish` once. Time is entered by the path itself: copying within a rank is reordering, between ranks exchange.
 */
export interface RowPath {
  /** Makes this rank's rows, and with several devices writes them where the others find them; sizes were raised before. */
  publish(input: MoeLayerInput, exchange: Exchange | undefined): void | Promise<void>;
  /** All ranks' rows are there. */
  receive(input: MoeLayerInput): void | Promise<void>;
  /** Runs a resident expert on its rows, and shows the others what is theirs. @returns rows that ran, padding included */
  run(input: MoeLayerInput, expert: number): Promise<number>;
  /** Before `run`: the rows of experts that the host computes come to it, where they do not lie there anyway. */
  fetchAbsent?(input: MoeLayerInput, experts: readonly number[]): Promise<void>;
  /**
   * After `run`: the host computes the rows of experts that the device does not hold, as `run` does others'.
   * @returns rows that ran, without what a device pads itself
   */
  runAbsent(input: MoeLayerInput, experts: readonly number[]): Promise<number>;
  /** Several devices, after the last expert: what other ranks are to read is there when this is done, where `run` did not see to it. */
  show?(): void | Promise<void>;
  /** The residual stream with what each token's experts gave; the layer's own states are given up. */
  combine(input: MoeLayerInput): readonly Hidden[] | Promise<readonly Hidden[]>;
  /** Gives up what was held for this layer. */
  finish(): void;
  /** Gives up everything. */
  close(): void | Promise<void>;
}
