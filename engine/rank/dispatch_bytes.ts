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

/**
 * The same on a card, where every matrix is a tensor of its own (device/webgpu/rows.ts).
 * @param rows of the rank's keys: as many of a call's rows may be no token's
 * @param pairs of the rank's call at most
 */
export function dispatchBytesOnCard(
  policy: Pick<GatingPolicy, 'dispatch' | 'blockRows'>,
  { sentRows, arrivedRows, batchRows, maskFloats }: GatingBound,
  { tokens, rows, pairs, devices, hidden }: CardCall,
): number {
  const stacked = tokens + rows + 1;
  const laidOut = policy.dispatch === 'gather' ? 0 : sentRows;
  const outputs = batchRows + policy.blockRows;
  // Alone, experts read what was laid out, padded where blocks are; else that with what arrived, and what came back joins the outputs.
  const several = devices > 1 || policy.blockRows > 1;
  const joined = several ? Math.max(stacked, sentRows) + arrivedRows + 1 + outputs + Math.max(pairs, sentRows) : 0;
  const masked = policy.dispatch === 'mask' ? sentRows + tokens : 0;
  return (maskFloats + (stacked + laidOut + joined + outputs + masked) * hidden) * 4;
}

export interface CardCall {
  readonly tokens: number;
  readonly rows: number;
  readonly pairs: number;
  readonly devices: number;
  readonly hidden: number;
}
