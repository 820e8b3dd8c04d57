import type { DispatchPlan } from './dispatch_plan.ts';
import type { GatingPolicy } from './policy.ts';
import { sortPairs } from './sort_pairs.ts';

/** Rows of a block of its block-sparse product: an expert's rows are padded to a multiple of it. */
export const BLOCK_ROWS = 128;

/**
 * MegaBlocks (dMoE): pairs sorted by expert, each expert's rows rounded up to whole blocks of 128 by a padded gather. Real rows
 * only are exchanged; the device that runs an expert pads what has arrived. An expert without tokens has no block.
 */
export const megablocks: GatingPolicy = {
  title: 'MegaBlocks',
  activeSet: 'routed',
  dispatch: 'buffer',
  blockRows: BLOCK_ROWS,
  plan(plan, ids, at, tokens) {
    sortPairs(plan, ids, at, tokens);
    plan.slots = blockSlots(plan);
    plan.paddingRows = plan.slots - plan.exchangedRows;
  },
  bound: ({ tokens, topK, expertsPerDevice }) => {
    const pairs = tokens * topK;
    return {
      sentRows: pairs,
      arrivedRows: pairs,
      batchRows: pairs + (BLOCK_ROWS - 1) * Math.min(pairs, expertsPerDevice),
      maskFloats: 0,
    };
  },
};

/** Its grouped mode: the same sorted buffer, without padding. */
export const megablocksGrouped: GatingPolicy = {
  title: 'MegaBlocks grouped',
  activeSet: 'routed',
  dispatch: 'buffer',
  blockRows: 1,
  plan: sortPairs,
  bound: ({ tokens, topK }) => ({
    sentRows: tokens * topK,
    arrivedRows: tokens * topK,
    batchRows: tokens * topK,
    maskFloats: 0,
  }),
};

function blockSlots({ counts }: DispatchPlan): number {
  let slots = 0;
  for (const count of counts) slots += wholeBlocks(count, BLOCK_ROWS);
  return slots;
}

/** Rows rounded up to whole blocks. */
export function wholeBlocks(rows: number, blockRows: number): number {
  return Math.ceil(rows / blockRows) * blockRows;
}
