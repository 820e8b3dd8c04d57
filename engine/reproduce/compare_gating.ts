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
 * Runs the same steps under each variant in turn, round after round, so that a machine that slows down slows all alike.
 * The first round is not counted: it loads experts and grows buffers.
 * @param steps rows of each step of a round
 */
export async function compareGating(
  trial: Trial,
  variants: readonly GatingVariant[],
  steps: readonly (readonly RowPlan[])[],
  rounds: number,
  log: (line: string) => void,
): Promise<GatingResult[]> {
  const samples = variants.map(() => ({ ms: [] as number[], phases: [] as number[][], bytes: 0, rows: 0 }));
  for (let round = 0; round <= rounds; round++) {
    for (const [index, { name, gating }] of variants.entries()) {
      await trial.use(gating);
      const sample = samples[index] as (typeof samples)[number];
      for (const rows of steps) {
        const result = await trial.step(rows, { profile: round === 0 });
        if (round === 0) note(sample, result);
        else {
          sample.ms.push(result.durationMs);
          sample.phases.push([...result.phaseMs]);
        }
      }
      log(`${name}, round ${round} of ${rounds}`);
    }
  }
  return variants.map((variant, index) => {
    const { ms, phases, bytes, rows } = samples[index] as (typeof samples)[number];
    return {
      variant,
      stepMs: median(ms),
      phaseMs: STEP_PHASES.map((_, phase) => median(phases.map((step) => step[phase] as number))),
      activationBytes: bytes,
      rows,
    };
  });
}

function note(sample: { bytes: number; rows: number }, result: StepResult): void {
  sample.bytes = Math.max(sample.bytes, activationBytes(result));
  sample.rows = Math.max(sample.rows, result.rows);
}
