import type { DispatchPlan } from './dispatch_plan.ts';
import { fillCapacity } from './fill_capacity.ts';
import type { GatingPolicy } from './policy.ts';

/**
 * Static gating (paper, section "Static Gating"; GShard, fairseq): every expert has room for C S of a call's S tokens, whatever
 * was routed to it. What is short is padded with zeros, what is over is dropped, and every expert runs in every step.
 * Slots E C S, so k S pairs cost E C / k times as many rows: the waste factor.
 */
export const staticGating: GatingPolicy = {
  title: 'Static (GShard)',
  activeSet: 'all',
  dispatch: 'mask',
  blockRows: 1,
  plan: (plan, ids, at, tokens, { capacity }) => fillCapacity(plan, ids, at, tokens, capacityRows(capacity, tokens)),
  bound: ({ tokens, experts, expertsPerDevice, ranks }, { capacity }) => {
    const rows = capacityRows(capacity, tokens);
    // Each rank rounds its own share of the tokens up.
    const arrivedRows = expertsPerDevice * (rows + ranks - 1);
    return { sentRows: experts * rows, arrivedRows, batchRows: arrivedRows, maskFloats: 2 * experts * tokens * rows };
  },
};

/** Products like 0.05 * 60 must not be rounded up for their last bit. */
const ROUNDING = 1e-9;

/** C S rows, rounded up (as fairseq does); at least 1 where there is a token. */
export function capacityRows(capacity: number, tokens: number): number {
  return tokens === 0 ? 0 : Math.max(1, Math.ceil(capacity * tokens - ROUNDING));
}

/** Dispatch mask (E, S, C S): 1 where token s has slot c of expert e. @param mask zeros */
export function fillDispatchMask(plan: DispatchPlan, mask: Float32Array): void {
  const { experts, topK, tokens, capacity, offsets, counts, pairs } = plan;
  for (let expert = 0; expert < experts; expert++) {
    const first = offsets[expert] as number;
    for (let slot = 0; slot < (counts[expert] as number); slot++) {
      const token = Math.floor((pairs[first + slot] as number) / topK);
      mask[(expert * tokens + token) * capacity + slot] = 1;
    }
  }
}

/** Combine weights (S, E, C S): the routing weight in the same places. @param weights of the call's pairs from `at` */
export function fillCombineWeights(plan: DispatchPlan, weights: Float32Array, at: number, out: Float32Array): void {
  const { experts, topK, capacity, offsets, counts, pairs } = plan;
  for (let expert = 0; expert < experts; expert++) {
    const first = offsets[expert] as number;
    for (let slot = 0; slot < (counts[expert] as number); slot++) {
      const pair = pairs[first + slot] as number;
      out[(Math.floor(pair / topK) * experts + expert) * capacity + slot] = weights[at + pair] as number;
    }
  }
}
