import type { RowPlan } from '../rank/messages.ts';
import { type PaperShape, scaled } from './shapes.ts';
import { zipfTokens } from './token_draws.ts';

/** Decoder of the translation models begins with this. */
const START_TOKEN = 2;

/** Whole sequences at once, as the paper's language model is given batches of a corpus. One step. */
export function languageBatch(shape: PaperShape, batch: number, length: number, seed: number): RowPlan[] {
  const draw = zipfTokens(scaled(shape).vocab, seed);
  return Array.from({ length: batch }, (_, row) => ({
    ...{ row, sequence: row, position: 0, tokens: draw(length), emit: true },
  }));
}

/** Sources into the encoder; the decoder gets its first token, since a step must leave something to go on from. */
export function encoderBatch(shape: PaperShape, batch: number, sourceLength: number, seed: number): RowPlan[] {
  const draw = zipfTokens(scaled(shape).vocab, seed);
  return Array.from({ length: batch }, (_, row) => ({
    ...{ row, sequence: row, position: 0, tokens: Int32Array.of(START_TOKEN), emit: true, source: draw(sourceLength) },
  }));
}

/** One new token for every sequence, `steps` times, from `position` on. */
export function decoderSteps(
  shape: PaperShape,
  batch: number,
  position: number,
  steps: number,
  seed: number,
): RowPlan[][] {
  const draw = zipfTokens(scaled(shape).vocab, seed);
  return Array.from({ length: steps }, (_, step) => {
    const tokens = draw(batch);
    return Array.from({ length: batch }, (_, row) => ({
      ...{ row, sequence: row, position: position + step, tokens: tokens.subarray(row, row + 1), emit: true },
    }));
  });
}
