import type { Tensor } from 'onnxruntime-node';
import type { TokenRows } from '../../rank/layer_input.ts';

/** Where each group's rows begin when the groups [B, S, hidden] are stacked, and how many rows there are in all. */
export function baseRows(groups: readonly Tensor[]): Int32Array {
  const base = new Int32Array(groups.length + 1);
  for (const [index, { dims }] of groups.entries())
    base[index + 1] = (base[index] as number) + (dims[0] as number) * (dims[1] as number);
  return base;
}

/** Rows of tokens in the stacked groups. */
export function rowIndex({ group, at }: TokenRows, base: Int32Array, tokens: readonly number[]): Int32Array {
  return Int32Array.from(tokens, (token) => (base[group[token] as number] as number) + (at[token] as number));
}
