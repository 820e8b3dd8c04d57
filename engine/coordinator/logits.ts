import { EngineRefusal } from '../api.ts';
import { contiguous } from '../balancing/placement.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ModelSpec } from '../families/spec.ts';
import { type MoeLayer, moeLayers } from '../families/spec.ts';
import { DEFAULT_RUN, GREEDY, STORED_PRECISION } from '../protocol/settings.ts';
import type { RowPlan } from '../rank/messages.ts';
import { Rank } from '../rank/rank.ts';

export interface LogitsInput {
  /** [rows, length] */
  readonly inputIds: readonly Int32Array[];
  /** 1 for tokens, 0 for padding [rows, length]; padding is taken out, wherever it stands. */
  readonly mask?: readonly Int32Array[];
}

export interface LogitsOutput {
  /** [rows, length, vocab]; padding tokens' logits are 0. */
  readonly logits: Float32Array;
  /** [MoE layers, rows * length, topK]; 0xffff read as -1 for padding. */
  readonly expertIds: Int32Array;
}

/** One forward pass of a language model over whole sequences, one after the other: for checks against a reference. */
export async function forwardLogits(
  modelPath: string,
  spec: ModelSpec,
  checkpoint: Checkpoint,
  input: LogitsInput,
  precision = STORED_PRECISION,
  device = 'cpu:0',
): Promise<LogitsOutput> {
  const moe = moeLayers(spec);
  const [{ feedForward }] = moe as [MoeLayer];
  const { topK } = feedForward.rule;
  const rank = await openWholeRank(modelPath, spec, checkpoint, precision, device);
  try {
    const length = Math.max(...input.inputIds.map((row) => row.length));
    const rows = input.inputIds.length;
    const logits = new Float32Array(rows * length * spec.vocabSize);
    const expertIds = new Int32Array(moe.length * rows * length * topK).fill(-1);
    for (const [row, ids] of input.inputIds.entries()) {
      const kept = [...ids.keys()].filter((at) => (input.mask?.[row]?.[at] ?? 1) !== 0);
      const tokens = Int32Array.from(kept, (at) => ids[at] as number);
      checkTokens('input_ids', tokens, spec);
      if (tokens.length === 0) continue;
      // The reference goes by the length of its call where rotary positions depend on length, padding included.
      const plan: RowPlan = { row: 0, sequence: row, position: 0, tokens, wholeTokens: length, emit: false };
      const result = await rank.step({
        step: row,
        rows: [plan],
        sampling: GREEDY,
        allLogits: true,
        profile: false,
      });
      for (const [index, at] of kept.entries()) {
        const from = index * spec.vocabSize;
        logits.set(
          (result.logits as Float32Array).subarray(from, from + spec.vocabSize),
          (row * length + at) * spec.vocabSize,
        );
        for (let layer = 0; layer < moe.length; layer++) {
          for (let j = 0; j < topK; j++) {
            const to = ((layer * rows + row) * length + at) * topK + j;
            expertIds[to] = result.ids[(layer * tokens.length + index) * topK + j] as number;
          }
        }
      }
    }
    return { logits, expertIds };
  } finally {
    await rank.close();
  }
}

/** A rank on one device with room for every expert, no run behind it. */
export async function openWholeRank(
  modelPath: string,
  spec: ModelSpec,
  checkpoint: Checkpoint,
  precision = STORED_PRECISION,
  device = 'cpu:0',
): Promise<Rank> {
  const moe = moeLayers(spec);
  const [{ feedForward }] = moe as [MoeLayer];
  const budgetBytes = Number.MAX_SAFE_INTEGER;
  const setup = { modelPath, rank: 0, ranks: 1, device, budgetBytes, precision, exchange: undefined };
  const rank = await Rank.open(setup, spec, checkpoint);
  const placement = contiguous(moe.length, feedForward.experts, 1);
  await rank.apply({ slotsPerLayer: feedForward.experts, eviction: 'lifo', gating: DEFAULT_RUN, placement });
  return rank;
}

/** @throws EngineRefusal for an id that the model has no row for */
export function checkTokens(name: string, tokens: Int32Array, spec: ModelSpec): void {
  const wrong = tokens.find((id) => id < 0 || id >= spec.vocabSize);
  if (wrong !== undefined)
    throw new EngineRefusal(`${name}: token ${wrong} is outside the vocabulary of ${spec.vocabSize}.`);
}
