import type { LabSubject } from '../../../engine/protocol/labs.ts';
import { hasBothStacks } from '../../format/layer_names.ts';

/** Rows of a map that get a number: at most about `MOST_TICKS`, and the first of each stack, with its letter where there are two. */
const MOST_TICKS = 18;

export function layerRowTicks(layers: LabSubject['moeLayers']): { readonly row: number; readonly text: string }[] {
  const every = [1, 2, 4, 5, 10].find((n) => layers.length / n <= MOST_TICKS) ?? 20;
  const both = hasBothStacks(layers);
  let since = 0;
  return layers.flatMap(({ stack, block }, row) => {
    const isStart = row === 0 || layers[row - 1]?.stack !== stack;
    if (isStart) since = row;
    if ((row - since) % every !== 0) return [];
    return [{ row, text: both && isStart ? `${stack.slice(0, 3)} ${block}` : String(block) }];
  });
}

/** Shown steps of a map that get a number. */
export function stepRowTicks(steps: readonly number[]): { readonly row: number; readonly text: string }[] {
  const every = Math.max(1, Math.ceil(steps.length / 8));
  return steps.flatMap((step, row) => (row % every === 0 ? [{ row, text: String(step) }] : []));
}
