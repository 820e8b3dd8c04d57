import { NO_EXPERT } from '../gating/router.ts';
import type { BatchLayout } from './batch_layout.ts';
import type { MoeLayerInput } from './layer_input.ts';

/** Outputs by expert where they were computed here, by owner where they came back. */
export interface ExpertOutputs {
  readonly local: readonly (Float32Array | undefined)[];
  readonly remote: readonly Float32Array[];
}

/**
 * residual_t += multiplier * sum_j w_tj * Expert_{e_tj}(x_t), j in router order: the sum does not depend on the order in which
 * experts ran, and so not on what was resident. A dropped pair adds nothing.
 */
export function combineRows(input: MoeLayerInput, layout: BatchLayout, outputs: ExpertOutputs, hidden: number): void {
  const { rows, residual, residualMultiplier, ids, weights, choiceAt, plan, deviceOf } = input;
  const { topK } = plan;
  for (let token = 0; token < rows.tokens; token++) {
    const target = residual[rows.group[token] as number] as Float32Array;
    const to = (rows.at[token] as number) * hidden;
    for (let choice = 0; choice < topK; choice++) {
      const pair = token * topK + choice;
      const rowOfPair = plan.rowOfPair[pair] as number;
      if (rowOfPair < 0) continue;
      const expert = ids[choiceAt + pair] as number;
      const weight = (weights[choiceAt + pair] as number) * residualMultiplier;
      const row = (layout.ownFrom[expert] as number) + rowOfPair;
      const local = outputs.local[expert];
      const source = local ?? (outputs.remote[deviceOf[expert] as number] as Float32Array);
      const from = (local === undefined ? (layout.resultFrom[expert] as number) + row : row) * hidden;
      for (let i = 0; i < hidden; i++)
        target[to + i] = (target[to + i] as number) + weight * (source[from + i] as number);
    }
  }
}

/** Marks the tokens one of whose experts was loaded in this exchange. */
export function markWaited({ ids, choiceAt, plan, waited }: MoeLayerInput, stamps: Int32Array, number: number): void {
  const { topK, tokens } = plan;
  for (let token = 0; token < tokens; token++) {
    for (let choice = 0; choice < topK; choice++) {
      const expert = ids[choiceAt + token * topK + choice] as number;
      if (expert !== NO_EXPERT && Atomics.load(stamps, expert) === number) waited[token] = 1;
    }
  }
}
