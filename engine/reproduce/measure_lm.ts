import { contenders, type GatingResult, tryGating } from './gating_trial.ts';
import type { PaperShape } from './shapes.ts';
import { languageBatch } from './workloads.ts';
import { SEED, type Workshop } from './workshop.ts';

/** Batch of the paper's characterisation: the largest that its static baseline could hold. */
export const LM_BATCH = 8;
/** The paper does not print its sequences' length. */
export const LM_LENGTH = 128;

export interface LmMeasure {
  readonly shape: PaperShape;
  readonly tokens: number;
  readonly results: readonly GatingResult[];
}

/** A batch of sequences through the language model under every gating policy. */
export async function measureLm(workshop: Workshop, shape: PaperShape, rounds: number): Promise<LmMeasure> {
  const variants = contenders(shape);
  const trial = await workshop.trial(shape);
  const rows = languageBatch(shape, LM_BATCH, LM_LENGTH, SEED);
  const log = (line: string) => workshop.log(`${shape.title}: ${line}`);
  return {
    shape,
    tokens: LM_BATCH * LM_LENGTH,
    results: await tryGating(trial, variants, [rows], rounds, log),
  };
}
