import type { StepResult } from '../rank/messages.ts';

/** Steps of one variant: of the first round, with the ledger watched, and of those that are timed. */
export interface RoundSteps {
  readonly watched: readonly StepResult[];
  readonly timed: readonly StepResult[];
}

/**
 * Runs the same steps under each variant in turn, round after round, so that what the machine does meanwhile meets all alike. The
 * first round is not timed: it loads experts and grows buffers.
 * @param run a round's steps of the variant of that number; the first round is number 0, its steps are to be profiled
 * @returns by variant
 */
export async function gatingRounds(
  variants: number,
  rounds: number,
  run: (variant: number, round: number) => Promise<readonly StepResult[]>,
): Promise<RoundSteps[]> {
  const steps = Array.from({ length: variants }, () => ({ watched: [] as StepResult[], timed: [] as StepResult[] }));
  for (let round = 0; round <= rounds; round++) {
    for (const [variant, { watched, timed }] of steps.entries()) {
      (round === 0 ? watched : timed).push(...(await run(variant, round)));
    }
  }
  return steps;
}
