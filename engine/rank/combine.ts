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
  const { rows, residual, residualMultiplier, ids, weights, choiceAt, plan } = input;
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
      const copy = layout.copyOf(expert, row);
      const source = sourceOf(outputs, layout, expert, copy);
      const from = sourceRow(layout, expert, copy, row) * hidden;
      for (let i = 0; i < hidden; i++)
        target[to + i] = (target[to + i] as number) + weight * (source[from + i] as number);
    }
  }
}

/** Where the outputs of a copy are. */
export function sourceOf(outputs: ExpertOutputs, layout: BatchLayout, expert: number, copy: number): Float32Array {
  const owner = layout.ownerOf(copy);
  return (owner === layout.rank ? outputs.local[expert] : outputs.remote[owner]) as Float32Array;
}

/** The row there that is `row` of the expert's batch. */
export function sourceRow(layout: BatchLayout, expert: number, copy: number, row: number): number {
  if (layout.ownerOf(copy) !== layout.rank) return layout.resultRow(copy, row);
  return row - (layout.batchFrom[expert] as number);
}

/**
 * Marks the tokens that one of their experts' copies was loaded for in this exchange.
 * @param stamps exchange number of the last load of each expert on each device [ranks, experts]
 */
export function markWaited(
  { ids, choiceAt, plan, waited }: MoeLayerInput,
  layout: BatchLayout,
  stamps: Int32Array,
  number: number,
): void {
  const { topK, tokens, experts } = plan;
  for (let token = 0; token < tokens; token++) {
    for (let choice = 0; choice < topK; choice++) {
      const rowOfPair = plan.rowOfPair[token * topK + choice] as number;
      if (rowOfPair < 0) continue;
      const expert = ids[choiceAt + token * topK + choice] as number;
      const copy = layout.copyOf(expert, (layout.ownFrom[expert] as number) + rowOfPair);
      if (Atomics.load(stamps, layout.ownerOf(copy) * experts + expert) === number) waited[token] = 1;
    }
  }
}
