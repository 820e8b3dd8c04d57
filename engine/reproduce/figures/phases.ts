import { STEP_PHASES } from '../../protocol/telemetry.ts';
import type { Figure } from '../figure.ts';
import type { GatingResult } from '../gating_trial.ts';

/** The breakdown figures: where a step's time goes under each gating policy. */
export function phasesFigure(id: string, title: string, on: string, results: readonly GatingResult[]): Figure {
  const worst = results[0] as GatingResult;
  const best = results.at(-1) as GatingResult;
  const share = ({ phaseMs, stepMs }: GatingResult) => {
    const moving = (['gate', 'reorder', 'combine'] as const).reduce(
      (sum, phase) => sum + (phaseMs[index(phase)] as number),
      0,
    );
    return `${((100 * moving) / stepMs).toFixed(0)}%`;
  };
  return {
    id,
    title,
    paper: 'On one node gating, reordering and expert execution take most of the time of a static step.',
    says: `Gating, reordering and combining take ${share(worst)} of a step under ${worst.variant.name} gating and ${share(best)} under ${best.variant.name}.`,
    how: 'measured',
    on,
    columns: [{ name: 'gating' }, ...STEP_PHASES.map((name) => ({ name, unit: 'ms' })), { name: 'step', unit: 'ms' }],
    rows: results.map(({ variant, phaseMs, stepMs }) => [variant.name, ...phaseMs, stepMs]),
    drawing: { kind: 'parts', name: 0, parts: STEP_PHASES.map((_, phase) => phase + 1) },
  };
}

const index = (phase: (typeof STEP_PHASES)[number]) => STEP_PHASES.indexOf(phase);
