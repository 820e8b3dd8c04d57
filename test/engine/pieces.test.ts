import fc from 'fast-check';
import { expect, it } from 'vitest';
import { contiguous } from '../../engine/balancing/placement.ts';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { forwardLogits } from '../../engine/coordinator/logits.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { moeLayers, routingShape } from '../../engine/families/spec.ts';
import { GREEDY } from '../../engine/protocol/settings.ts';
import type { RowPlan } from '../../engine/rank/messages.ts';
import { Rank } from '../../engine/rank/rank.ts';
import { type LlamaConfig, writeLlama } from './llama_tensors.ts';
import { TINY } from './tiny_run.ts';

const windowed: LlamaConfig = {
  ...{ model_type: 'qwen2_moe', hidden_size: 16, num_hidden_layers: 4, num_attention_heads: 4, num_key_value_heads: 2 },
  ...{ num_experts: 6, num_experts_per_tok: 2, moe_intermediate_size: 8, shared_expert_intermediate_size: 20 },
  ...{ vocab_size: 31, intermediate_size: 12, mlp_only_layers: [1], max_position_embeddings: 128, rope_theta: 500 },
  ...{ use_sliding_window: true, sliding_window: 9, max_window_layers: 2 },
};
const fixture = (name: string) => `test/fixtures/${name}`;
/**
 * What attention can do, in few models: windows in some layers, sinks, latents, grouped keys, positions that go by length. Few draws by
 * default; LAW_RUNS draws more of each.
 */
const MODELS: readonly (readonly [name: string, folder: string, numRuns: number])[] = [
  ['olmoe', fixture('olmoe'), 6],
  ['qwen2_moe', writeLlama(windowed), 4],
  ['phimoe', fixture('phimoe'), 3],
  ['deepseek_v3', fixture('deepseek_v3'), 3],
  ['gpt_oss', fixture('gpt_oss'), 3],
];
const SMALLEST_VOCAB = 31;

const tokens = fc.array(fc.integer({ min: 0, max: SMALLEST_VOCAB - 1 }), { minLength: 2, maxLength: 90 });
/** Lengths of the pieces that a sequence is fed in, few so that neighbours often meet in one; what is left comes as one piece. */
const cuts = fc.array(fc.constantFrom(1, 2, 5, 12), { maxLength: 12 });
type Fed = { readonly tokens: readonly number[]; readonly cuts: readonly number[] };

/** Feeds all sequences side by side, a piece of each a step; returns each sequence's logits. */
async function feedInPieces(rank: Rank, sequences: readonly Fed[], vocabSize: number): Promise<Float32Array[]> {
  const got = sequences.map((sequence) => new Float32Array(sequence.tokens.length * vocabSize));
  const fed = sequences.map(() => 0);
  for (let step = 0; ; step++) {
    const rows = sequences.flatMap((sequence, row): RowPlan[] => {
      const position = fed[row] as number;
      const left = sequence.tokens.length - position;
      const take = Math.min(left, sequence.cuts[step] ?? left);
      const piece = Int32Array.from(sequence.tokens.slice(position, position + take));
      const wholeTokens = sequence.tokens.length;
      return take === 0 ? [] : [{ row, sequence: row, position, tokens: piece, wholeTokens, emit: false }];
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

it.each(MODELS)(
  '%s: however sequences are cut into pieces and mixed in steps, each token gets the logits of a whole pass',
  async (_, folder, numRuns) => {
    const checkpoint = openCheckpoint(folder);
    const spec = readModelSpec(folder, checkpoint);
    const [layers, { experts }] = [moeLayers(spec).length, routingShape(spec)];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ tokens, cuts }), { minLength: 1, maxLength: 4 }), async (sequences) => {
        const setup = { modelPath: folder, rank: 0, ranks: 1, device: 'cpu:0', budgetBytes: 1e9, exchange: undefined };
        const rank = await Rank.open(setup, spec, checkpoint);
        const placement = contiguous(layers, experts, 1);
        await rank.apply({ slotsPerLayer: 3, eviction: 'lifo', gating: TINY, placement });
        const got = await feedInPieces(rank, sequences, spec.vocabSize);
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
      }),
      { numRuns: Number(process.env.LAW_RUNS ?? numRuns) },
    );
    checkpoint.close();
  },
  60_000,
);
