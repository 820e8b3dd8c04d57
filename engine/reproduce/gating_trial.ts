import { gatingRounds, type RoundSteps } from '../coordinator/gating_rounds.ts';
import type { GatingName, GatingSettings } from '../protocol/settings.ts';
import { STEP_PHASES } from '../protocol/telemetry.ts';
import type { RowPlan, StepResult } from '../rank/messages.ts';
import { median } from './median.ts';
import type { PaperShape } from './shapes.ts';
import { activationBytes, type Trial } from './trial.ts';

export interface GatingVariant {
  readonly name: string;
  readonly gating: GatingSettings;
}

/** Same steps under one policy; medians over rounds. */
export interface GatingResult {
  readonly variant: GatingVariant;
  readonly stepMs: number;
  /** By STEP_PHASES. */
  readonly phaseMs: readonly number[];
  readonly activationBytes: number;
  /** Rows that experts ran in a step, padding included. */
  readonly rows: number;
}

/**
 * The paper's contenders at a shape's capacity fraction C. Tutel twice: with the capacity of the static baseline
 * (its factor f counts in even shares: C S = k f S / E, so f = C E / k), and dropless (f = 0, every expert padded to the busiest).
 */
export function contenders({ capacity, experts, topK }: PaperShape): readonly GatingVariant[] {
  const of = (name: string, gating: GatingName, tutelFactor = 0): GatingVariant => ({
    name,
    gating: { gating, capacity, tutelFactor },
  });
  return [
    of('static', 'static'),
    of('Tutel, same capacity', 'tutel', (capacity * experts) / topK),
    of('Tutel, dropless', 'tutel', 0),
    of('MegaBlocks', 'megablocks'),
    of('FastMoE', 'fastmoe'),
    of('dynamic', 'dynamic'),
  ];
}

/**
 * Runs the same steps under each variant, in rounds (coordinator/gating_rounds.ts).
 * @param steps rows of each step of a round
 */
export async function tryGating(
  trial: Trial,
  variants: readonly GatingVariant[],
  steps: readonly (readonly RowPlan[])[],
  rounds: number,
  log: (line: string) => void,
): Promise<GatingResult[]> {
  const all = await gatingRounds(variants.length, rounds, async (index, round) => {
    const { name, gating } = variants[index] as GatingVariant;
    await trial.use(gating);
    const results: StepResult[] = [];
    for (const rows of steps) results.push(await trial.step(rows, { profile: round === 0 }));
    log(`${name}, round ${round} of ${rounds}`);
    return results;
  });
  return variants.map((variant, index) => {
    const { watched, timed } = all[index] as RoundSteps;
    return {
      variant,
      stepMs: median(timed.map((step) => step.durationMs)),
      phaseMs: STEP_PHASES.map((_, phase) => median(timed.map((step) => step.phaseMs[phase] as number))),
      activationBytes: Math.max(...watched.map(activationBytes)),
      rows: Math.max(...watched.map((step) => step.rows)),
    };
  });
}
