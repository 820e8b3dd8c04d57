import fc from 'fast-check';
import { expect, it } from 'vitest';
import { contiguous } from '../../engine/balancing/placement.ts';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { forwardLogits } from '../../engine/coordinator/logits.ts';
import { moeLayers, routingShape } from '../../engine/families/spec.ts';
import { GREEDY } from '../../engine/protocol/settings.ts';
import type { RowPlan } from '../../engine/rank/messages.ts';
import { Rank } from '../../engine/rank/rank.ts';
import { TINY, tinyModel } from './tiny_run.ts';

const { vocabSize } = tinyModel().spec;

const tokens = fc.array(fc.integer({ min: 0, max: vocabSize - 1 }), { minLength: 2, maxLength: 90 });
/** Lengths of the pieces that a sequence is fed in, few so that neighbours often meet in one; what is left comes as one piece. */
const cuts = fc.array(fc.constantFrom(1, 2, 5, 12), { maxLength: 12 });
type Fed = { readonly tokens: readonly number[]; readonly cuts: readonly number[] };

/** Feeds all sequences side by side, a piece of each a step; returns each sequence's logits. */
async function feedInPieces(rank: Rank, sequences: readonly Fed[]): Promise<Float32Array[]> {
  const got = sequences.map((sequence) => new Float32Array(sequence.tokens.length * vocabSize));
  const fed = sequences.map(() => 0);
  for (let step = 0; ; step++) {
    const rows = sequences.flatMap((sequence, row): RowPlan[] => {
      const position = fed[row] as number;
      const left = sequence.tokens.length - position;
      const take = Math.min(left, sequence.cuts[step] ?? left);
      const piece = Int32Array.from(sequence.tokens.slice(position, position + take));
      return take === 0 ? [] : [{ row, sequence: row, position, tokens: piece, emit: false }];
    });
    if (rows.length === 0) return got;
    const { logits } = await rank.step({ step, rows, sampling: GREEDY, allLogits: true, profile: false });
    let at = 0;
    for (const { row, position, tokens: piece } of rows) {
      const part = (logits as Float32Array).subarray(at * vocabSize, (at + piece.length) * vocabSize);
      got[row]?.set(part, position * vocabSize);
      fed[row] = position + piece.length;
      at += piece.length;
    }
  }
}

it.each([
  ['olmoe', 25],
  ['deepseek_v3', 3],
  ['gpt_oss', 3],
])(
  '%s: however sequences are cut into pieces and mixed in steps, each token gets the logits of a whole pass',
  async (name, numRuns) => {
    const folder = `test/fixtures/${name}`;
    const { spec } = tinyModel(folder);
    const { experts } = routingShape(spec);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ tokens, cuts }), { minLength: 1, maxLength: 4 }), async (sequences) => {
        const checkpoint = openCheckpoint(folder);
        const setup = { modelPath: folder, rank: 0, ranks: 1, device: 'cpu:0', budgetBytes: 1e9, exchange: undefined };
        const rank = await Rank.open(setup, spec, checkpoint);
        await rank.apply({
          slotsPerLayer: 3,
          eviction: 'lifo',
          gating: TINY,
          placement: contiguous(moeLayers(spec).length, experts, 1),
        });
        const got = await feedInPieces(rank, sequences);
        await rank.close();
        for (const [row, sequence] of sequences.entries()) {
          const inputIds = [Int32Array.from(sequence.tokens)];
          const { logits } = await forwardLogits(folder, spec, checkpoint, { inputIds });
          let largest = 0;
          for (const [i, value] of logits.entries()) {
            largest = Math.max(largest, Math.abs(value - (got[row]?.[i] ?? Number.NaN)));
          }
          expect(largest).toBeLessThan(1e-4);
        }
        checkpoint.close();
      }),
      { numRuns },
    );
  },
  60_000,
);
