import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type ModelSpec, type MoeLayer, moeLayers } from '../families/spec.ts';
import { NO_EXPERT } from '../gating/router.ts';
import { GREEDY, STORED_PRECISION } from '../protocol/settings.ts';
import type { RowPlan } from '../rank/messages.ts';
import { checkTokens, openWholeRank } from './logits.ts';

export interface PairInput {
  /** Sources, and what was decoded of each: both [rows, their length]. */
  readonly inputIds: readonly Int32Array[];
  readonly decoderIds: readonly Int32Array[];
  /** 1 for tokens, 0 for padding. */
  readonly mask?: readonly Int32Array[];
  readonly decoderMask?: readonly Int32Array[];
}

export interface PairOutput {
  /** [rows, decoder length, vocab] */
  readonly logits: Float32Array;
  /** [the encoder's MoE layers, rows * source length, topK], -1 for a dropped choice or padding. */
  readonly encoderExpertIds: Int32Array;
  /** [the decoder's MoE layers, rows * decoder length, topK] */
  readonly decoderExpertIds: Int32Array;
}

/**
 * One call of an encoder-decoder on a whole batch, as the reference takes it: padding stays in (it takes an expert's places where
 * the model says so), all rows share one step, and where the router has a capacity it is that of the call.
 */
export async function forwardPairs(
  modelPath: string,
  spec: ModelSpec,
  checkpoint: Checkpoint,
  { inputIds, decoderIds, mask, decoderMask }: PairInput,
  precision = STORED_PRECISION,
  device = 'cpu:0',
): Promise<PairOutput> {
  for (const ids of inputIds) checkTokens('input_ids', ids, spec);
  for (const ids of decoderIds) checkTokens('decoder_input_ids', ids, spec);
  const bytes = (values: Int32Array | undefined) => values && Uint8Array.from(values, (value) => (value === 0 ? 0 : 1));
  const rows = inputIds.map((source, row): RowPlan => {
    const sourceMask = bytes(mask?.[row]);
    const ownMask = bytes(decoderMask?.[row]);
    return {
      ...{ row, sequence: row, position: 0, tokens: decoderIds[row] as Int32Array, emit: false, source },
      ...(sourceMask && { sourceMask }),
      ...(ownMask && { mask: ownMask }),
    };
  });
  const rank = await openWholeRank(modelPath, spec, checkpoint, precision, device);
  try {
    const result = await rank.step({
      ...{ step: 0, rows, sampling: GREEDY, allLogits: true, profile: false },
      ...{ encoding: true, routedAs: 'one-call' },
    });
    const sourceTokens = inputIds.reduce((sum, ids) => sum + ids.length, 0);
    const choices = (stack: MoeLayer['stack'], from: number, to: number) => {
      const topK = result.ids.length / (moeLayers(spec).length * result.tokens);
      const layers = moeLayers(spec).filter((layer) => layer.stack === stack);
      return Int32Array.from(
        layers.flatMap(({ index }) => {
          const at = index * result.tokens;
          return Array.from(result.ids.subarray((at + from) * topK, (at + to) * topK), (id) =>
            id === NO_EXPERT ? -1 : id,
          );
        }),
      );
    };
    return {
      logits: result.logits as Float32Array,
      encoderExpertIds: choices('encoder', 0, sourceTokens),
      decoderExpertIds: choices('decoder', sourceTokens, result.tokens),
    };
  } finally {
    await rank.close();
  }
}
