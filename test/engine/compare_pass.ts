import { expect } from 'vitest';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { forwardLogits, type LogitsOutput } from '../../engine/coordinator/logits.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import type { Precision } from '../../engine/protocol/settings.ts';
import type { Matrix } from './reference_math.ts';

/** The engine's pass over rows of one length; `mask` is 0 where a row has padding. */
export async function forwardRows(
  folder: string,
  rows: readonly (readonly number[])[],
  { mask, precision }: { mask?: readonly (readonly number[])[]; precision?: Precision } = {},
): Promise<LogitsOutput> {
  const checkpoint = openCheckpoint(folder);
  const ints = (values: readonly number[]) => Int32Array.from(values);
  const input = { inputIds: rows.map(ints), ...(mask && { mask: mask.map(ints) }) };
  const output = await forwardLogits(folder, readModelSpec(folder, checkpoint), checkpoint, input, precision);
  checkpoint.close();
  return output;
}

/** The engine chooses the experts of a reference pass, and its logits are within `tolerance`. */
export async function expectPass(
  folder: string,
  ids: readonly number[],
  wanted: { readonly experts: readonly (readonly (readonly number[])[])[]; readonly logits: Matrix },
  tolerance: number,
): Promise<void> {
  const { logits, expertIds } = await forwardRows(folder, [ids]);
  expect(Array.from(expertIds)).toEqual(wanted.experts.flat(2));
  const flat = wanted.logits.flatMap((row) => [...row]);
  const largest = flat.reduce((most, value, i) => Math.max(most, Math.abs(value - (logits[i] as number))), 0);
  expect(largest).toBeLessThan(tolerance);
}
