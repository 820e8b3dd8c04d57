import type { BatchLayout } from '../../rank/batch_layout.ts';
import { sourceRow } from '../../rank/combine.ts';
import type { MoeLayerInput } from '../../rank/layer_input.ts';
import type { RowPile } from './row_pile.ts';

/** Finds the outputs of this rank's rows: on the device, or in what another rank's device left for it. */
export class OutputPlaces {
  constructor(
    private readonly layout: BatchLayout,
    private readonly results: readonly Float32Array[],
    /** Where outputs of other devices are piled up. */
    private readonly pile: RowPile,
    /** Rows of this device's own outputs, behind which the pile comes. */
    private readonly ownRows: number,
  ) {}

  /** @param row of the expert's batch */
  of(expert: number, row: number): number {
    const { layout } = this;
    const copy = layout.copyOf(expert, row);
    const owner = layout.ownerOf(copy);
    if (owner === layout.rank) return layout.ownResult(expert) + row - (layout.batchFrom[expert] as number);
    return this.ownRows + this.pile.add(this.results[owner] as Float32Array, sourceRow(layout, expert, copy, row));
  }

  /** Place and weight of each choice of each token [tokens, topK]; a dropped one has weight 0. */
  ofPairs({ plan, ids, weights, choiceAt, residualMultiplier }: MoeLayerInput): Choices {
    const { topK, tokens, rowOfPair } = plan;
    const place = new Int32Array(tokens * topK);
    const weight = new Float32Array(tokens * topK);
    for (let pair = 0; pair < tokens * topK; pair++) {
      const row = rowOfPair[pair] as number;
      if (row < 0) continue;
      const expert = ids[choiceAt + pair] as number;
      place[pair] = this.of(expert, (this.layout.ownFrom[expert] as number) + row);
      weight[pair] = (weights[choiceAt + pair] as number) * residualMultiplier;
    }
    return { place, weight, each: topK };
  }

  /** Place of each slot of this rank, expert by expert [slots]. */
  ofSlots({ plan: { experts, capacity } }: MoeLayerInput): Int32Array {
    const place = new Int32Array(experts * capacity);
    for (let expert = 0; expert < experts; expert++) {
      const own = this.layout.ownFrom[expert] as number;
      for (let slot = 0; slot < capacity; slot++) place[expert * capacity + slot] = this.of(expert, own + slot);
    }
    return place;
  }
}

/** What is added to each token's residual stream: rows of a matrix and their weights, so many each. */
export interface Choices {
  readonly place: Int32Array;
  readonly weight: Float32Array;
  readonly each: number;
}

/** The same by row of one group's states [B * S, each]; rows that are no token's add nothing. */
export function choicesOfGroup(choices: Choices, { rows }: MoeLayerInput, group: number, groupRows: number): Choices {
  const { each } = choices;
  const place = new Int32Array(groupRows * each);
  const weight = new Float32Array(groupRows * each);
  for (let token = 0; token < rows.tokens; token++) {
    if (rows.group[token] !== group) continue;
    const to = (rows.at[token] as number) * each;
    for (let choice = 0; choice < each; choice++) {
      place[to + choice] = choices.place[token * each + choice] as number;
      weight[to + choice] = choices.weight[token * each + choice] as number;
    }
  }
  return { place, weight, each };
}
