import type { RowPlan } from '../../rank/messages.ts';
import type { Figure } from '../figure.ts';
import { median } from '../median.ts';
import type { Trial } from '../trial.ts';

const ROUNDS = 5;

export interface AgainstDense {
  readonly name: string;
  readonly denseMs: number;
  readonly staticMs: number;
  readonly dynamicMs: number;
  /** Latency of the static MoE over dense in the paper. */
  readonly paperTimes: number;
}

export async function medianStepMs(trial: Trial, rows: readonly RowPlan[]): Promise<number> {
  await trial.step(rows);
  const samples: number[] = [];
  for (let round = 0; round < ROUNDS; round++) samples.push((await trial.step(rows)).durationMs);
  return median(samples);
}

/** A model against its dense counterpart: the same layers with one feed-forward each, so a fraction of the parameters. */
export function denseFigure(on: string, rows: readonly AgainstDense[]): Figure {
  return {
    id: 'dense',
    title: 'Mixture of experts against its dense counterpart',
    paper: 'Latency of the static baseline over dense on one node: LM 15x, MT encoder 22x, MT decoder 3x.',
    says: rows
      .map(({ name, denseMs, staticMs, dynamicMs }) => {
        const times = (ms: number) => `${(ms / denseMs).toFixed(1)}x`;
        return `${name}: static ${times(staticMs)} of dense, dynamic ${times(dynamicMs)}`;
      })
      .join('; '),
    how: 'measured',
    on,
    columns: [
      { name: 'model' },
      { name: 'dense', unit: 'ms' },
      { name: 'static', unit: 'ms' },
      { name: 'dynamic', unit: 'ms' },
      { name: 'static over dense' },
      { name: 'paper' },
      { name: 'dynamic over dense' },
    ],
    rows: rows.map(({ name, denseMs, staticMs, dynamicMs, paperTimes }) => [
      name,
      denseMs,
      staticMs,
      dynamicMs,
      staticMs / denseMs,
      paperTimes,
      dynamicMs / denseMs,
    ]),
  };
}
