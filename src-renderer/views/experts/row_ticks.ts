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

/** Most numbers beside the rows of a step map. */
const MOST_STEPS = 8;

/** Rows of a step map that get a number: the first shown step at or after each multiple of a round one. */
export function stepRowTicks(steps: readonly number[]): { readonly row: number; readonly text: string }[] {
  const first = steps[0] ?? 0;
  const span = (steps.at(-1) ?? 0) - first;
  let every = 1;
  for (let i = 0; span / every > MOST_STEPS - 1; i++) every = ([1, 2, 5][i % 3] ?? 1) * 10 ** Math.floor(i / 3);
  let next = first;
  return steps.flatMap((step, row) => {
    if (step < next) return [];
    const text = String(row === 0 ? first : Math.floor(step / every) * every);
    next = (Math.floor(step / every) + 1) * every;
    return [{ row, text }];
  });
}
