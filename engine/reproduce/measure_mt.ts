import { contenders, type GatingResult, tryGating } from './gating_trial.ts';
import type { PaperShape } from './shapes.ts';
import { decoderSteps, encoderBatch } from './workloads.ts';
import { SEED, type Workshop } from './workshop.ts';

/** Batch of the paper's characterisation: the largest that its static baseline could hold. */
export const MT_BATCH = 48;
/** The paper does not print its sentences' length; static gating at C = 1 costs the square of it. */
export const MT_SOURCE_LENGTH = 10;
const DECODER_STEPS = 4;

export interface MtMeasure {
  readonly shape: PaperShape;
  /** Sources of one batch through the encoder, and one new token a sentence from the decoder. */
  readonly encoderTokens: number;
  readonly decoderTokens: number;
  readonly encoder: readonly GatingResult[];
  readonly decoder: readonly GatingResult[];
}

/**
 * Sentences through the encoder, then new tokens from the decoder, under every gating policy. A step that encodes also decodes
 * each sentence's first token; the time of a decoder step under the same policy is taken off it.
 */
export async function measureMt(workshop: Workshop, shape: PaperShape, rounds: number): Promise<MtMeasure> {
  const variants = contenders(shape);
  const trial = await workshop.trial(shape);
  const sources = encoderBatch(shape, MT_BATCH, MT_SOURCE_LENGTH, SEED);
  const both = await tryGating(trial, variants, [sources], rounds, (line) =>
    workshop.log(`${shape.title} encoder: ${line}`),
  );
  const steps = decoderSteps(shape, MT_BATCH, 1, DECODER_STEPS, SEED + 1);
  const decoder = await tryGating(trial, variants, steps, rounds, (line) =>
    workshop.log(`${shape.title} decoder: ${line}`),
  );
  return {
    shape,
    encoderTokens: MT_BATCH * MT_SOURCE_LENGTH,
    decoderTokens: MT_BATCH,
    encoder: both.map((result, index) => without(result, decoder[index] as GatingResult)),
    decoder,
  };
}

function without(both: GatingResult, decoder: GatingResult): GatingResult {
  return {
    ...both,
    stepMs: both.stepMs - decoder.stepMs,
    phaseMs: both.phaseMs.map((ms, phase) => Math.max(0, ms - (decoder.phaseMs[phase] as number))),
    rows: both.rows - decoder.rows,
  };
}
