import type { ModelSummary } from '../../engine/protocol/model.ts';
import type { GatingName, RunSettings } from '../../engine/protocol/settings.ts';
import { percentText, plain } from '../format/numbers.ts';

type Shape = Pick<ModelSummary, 'experts' | 'topK'>;

/** What each policy does to a step's rows, short enough to stand under the choice. */
export const GATING_SAYS: Readonly<Record<GatingName, string>> = {
  dynamic: 'Exact rows, no padding',
  static: 'Fixed room, pads and drops',
  tutel: 'Equal rows for every expert',
  fastmoe: 'Exact rows, one buffer',
  megablocks: 'Rows in blocks of 128',
  'megablocks-grouped': 'Exact rows, sorted buffer',
};

export const GATING_HINTS: Readonly<Record<GatingName, string>> = {
  dynamic: 'The paper’s: every expert gets exactly its tokens',
  static: 'Every expert has room for C of the tokens; the rest is dropped',
  tutel: 'Every expert runs as many rows, by a factor or as the busiest',
  fastmoe: 'Tokens are copied into one buffer by expert, without padding',
  megablocks: "Each expert's tokens are rounded up to blocks of 128",
  'megablocks-grouped': 'MegaBlocks without the rounding',
};

/** Rows that static gating runs for each token-expert pair (the paper's waste factor): E C / k. Below 1 it must drop. */
export function wasteFactor({ experts, topK }: Shape, capacity: number): number {
  return (experts * capacity) / topK;
}

/** "Waste E·C/k = 12.8×", and what was dropped lately where that is known. */
export function capacityText(model: Shape, capacity: number, droppedShare: number | undefined): string {
  const waste = `Waste E·C/k ${plain(wasteFactor(model, capacity))}×`;
  return droppedShare === undefined ? waste : `${waste}, ${percentText(droppedShare)} dropped`;
}

/** What a factor means, and what was dropped lately where that is known. */
export function tutelText(factor: number, droppedShare: number | undefined): string {
  const rule =
    factor === 0
      ? 'As the busiest expert'
      : factor > 0
        ? `${plain(factor)}× an even share`
        : `At most ${plain(-factor)}× an even share`;
  return droppedShare === undefined ? rule : `${rule}, ${percentText(droppedShare)} dropped`;
}

/** Share of token-expert pairs that gating dropped; every token of a language model makes k pairs a MoE layer. */
export function droppedShare(
  { topK, moeLayers, encoderLayers }: Pick<ModelSummary, 'topK' | 'moeLayers' | 'encoderLayers'>,
  droppedPerToken: number | undefined,
): number | undefined {
  // A token of a translation model passes the layers of its own stack only, and the tiles do not tell them apart.
  if (droppedPerToken === undefined || encoderLayers !== undefined) return undefined;
  return droppedPerToken / (topK * moeLayers.length);
}

/** Whether what was measured was measured under these settings. */
export const isInForce = (
  draft: Pick<RunSettings, 'gating' | 'capacity' | 'tutelFactor'>,
  run: RunSettings | undefined,
): boolean =>
  run !== undefined &&
  run.gating === draft.gating &&
  (draft.gating !== 'static' || run.capacity === draft.capacity) &&
  (draft.gating !== 'tutel' || run.tutelFactor === draft.tutelFactor);
