import type { GatingBound, GatingPolicy } from '../gating/policy.ts';

/**
 * What a rank holds in a layer of token rows, masks and expert outputs at most (see row_path.ts), without its outbox, bytes.
 * @param tokens of the rank's call at most
 */
export function dispatchBytes(
  dispatch: GatingPolicy['dispatch'],
  { sentRows, batchRows, maskFloats }: GatingBound,
  tokens: number,
  devices: number,
  hidden: number,
): number {
  switch (dispatch) {
    // The widest expert batch; every output until combined.
    case 'gather':
      return (tokens + batchRows) * hidden * 4;
    // All batches in one buffer; every output.
    case 'buffer':
      return 2 * batchRows * hidden * 4;
    // Both masks; tokens and their sums; the product, what arrived from elsewhere, every output, outputs in slot order.
    case 'mask': {
      const arrived = devices === 1 ? 0 : batchRows;
      return (maskFloats + (2 * tokens + 2 * sentRows + arrived + batchRows) * hidden) * 4;
    }
  }
}
