import type { Tensor } from 'onnxruntime-node';
import type { DispatchPlan } from '../../gating/dispatch_plan.ts';
import type { GatingPolicy } from '../../gating/policy.ts';
import { fillCombineWeights, fillDispatchMask } from '../../gating/static.ts';
import { combineGraph, dispatchGraph } from '../../graph/mask.ts';
import type { GraphBuilder } from '../../graph/onnx.ts';
import type { MoeLayerInput } from '../../rank/layer_input.ts';
import { floats } from '../tensors.ts';
import type { WebGpuMemory } from './memory.ts';
import { rowIndex } from './token_index.ts';

/** This rank's rows as a policy lays them out before its experts run, on the device. */
export interface Dispatch {
  /** Whether slots may be empty: then a row of zeros comes last among the stacked tokens. */
  readonly needsZero: boolean;
  /**
   * @param tokens normed rows of the layer's tokens, groups stacked [r, hidden]
   * @returns what is sent [rows, hidden]: token rows where experts gather them by index, else one row a slot, expert by expert
   */
  layOut(input: MoeLayerInput, tokens: Tensor, base: Int32Array): Promise<Tensor>;
  /** Row of what is laid out that is number `index` of what this rank sends (see BatchLayout.sentFirst). */
  rowOf(input: MoeLayerInput, base: Int32Array, index: number): number;
}

export function dispatchOf(policy: GatingPolicy, memory: WebGpuMemory, hidden: number): Dispatch {
  switch (policy.dispatch) {
    // Token rows stay where they are, and every expert's call gathers its own.
    case 'gather':
      return {
        needsZero: false,
        layOut: async (_, tokens) => tokens,
        rowOf({ plan, rows }, base, index) {
          const token = Math.floor((plan.pairs[index] as number) / plan.topK);
          return (base[rows.group[token] as number] as number) + (rows.at[token] as number);
        },
      };
    // Copied expert by expert into one buffer, slots that nobody fills as zeros.
    case 'buffer':
      return {
        needsZero: true,
        layOut: ({ plan, rows }, tokens, base) =>
          memory.gather(tokens, slotTokens(plan, rows, base, (tokens.dims[0] as number) - 1)),
        rowOf: (_, __, index) => index,
      };
    // Multiplied out by the dispatch mask.
    case 'mask':
      return {
        needsZero: false,
        async layOut({ plan, rows }, tokens, base) {
          const { experts, capacity } = plan;
          const inOrder = await memory.gather(
            tokens,
            rowIndex(
              rows,
              base,
              Array.from({ length: plan.tokens }, (_, token) => token),
            ),
          );
          const mask = new Float32Array(experts * plan.tokens * capacity);
          fillDispatchMask(plan, mask);
          const write = (builder: GraphBuilder) => void dispatchGraph(hidden, builder);
          const session = await memory.open('mask dispatch', write);
          const { y } = await session.run({ mask: floats(mask, [experts, plan.tokens, capacity]), x: inOrder });
          const slots = await memory.stack([y as Tensor], hidden);
          inOrder.dispose();
          y?.dispose();
          return slots;
        },
        rowOf: (_, __, index) => index,
      };
  }
}

/**
 * Static gating's second product: weights x outputs of all slots.
 * @param slots outputs by slot [E C S, hidden] @returns sums by token [tokens, hidden]
 */
export async function combineMask(
  { plan, weights, choiceAt }: MoeLayerInput,
  memory: WebGpuMemory,
  hidden: number,
  slots: Tensor,
): Promise<Tensor> {
  const matrix = new Float32Array(plan.experts * plan.tokens * plan.capacity);
  fillCombineWeights(plan, weights, choiceAt, matrix);
  const session = await memory.open('mask combine', (builder) => void combineGraph(hidden, builder));
  const { z } = await session.run({ weights: floats(matrix, [plan.tokens, plan.slots]), y: slots });
  return z as Tensor;
}

/** Row of the stacked tokens for every slot that this rank sends, expert by expert; `zero` where nobody fills it. */
function slotTokens(plan: DispatchPlan, rows: MoeLayerInput['rows'], base: Int32Array, zero: number): Int32Array {
  const { experts, sizes, counts, offsets, pairs, topK } = plan;
  const index = new Int32Array(sizes.reduce((sum, size) => sum + size, 0)).fill(zero);
  let first = 0;
  for (let expert = 0; expert < experts; expert++) {
    for (let row = 0; row < (counts[expert] as number); row++) {
      const token = Math.floor((pairs[(offsets[expert] as number) + row] as number) / topK);
      index[first + row] = (base[rows.group[token] as number] as number) + (rows.at[token] as number);
    }
    first += sizes[expert] as number;
  }
  return index;
}
