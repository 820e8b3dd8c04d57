import { CATEGORY_COUNT, LEDGER_CATEGORIES } from '../../protocol/telemetry.ts';
import type { RowPlan } from '../../rank/messages.ts';
import type { Figure } from '../figure.ts';
import type { GatingVariant } from '../gating_trial.ts';
import type { Trial } from '../trial.ts';

const MIB = 2 ** 20;
const POINTS = 48;

/** Memory by component at the step's peak, and gating, reorder and execution over a step's time, for each gating policy. */
export async function memoryFigures(
  id: string,
  on: string,
  trial: Trial,
  variants: readonly GatingVariant[],
  rows: readonly RowPlan[],
): Promise<Figure[]> {
  const profiles: { name: string; atMs: Float32Array; bytes: Float64Array }[] = [];
  for (const { name, gating } of variants) {
    await trial.use(gating);
    await trial.step(rows);
    const { profile } = await trial.step(rows, { profile: true });
    if (profile === undefined) throw new Error('the step was not profiled');
    profiles.push({ name, ...profile });
  }
  const peaks = profiles.map(({ name, bytes }) => ({ name, bytes: atPeak(bytes) }));
  const total = (bytes: ArrayLike<number>) => Array.from(bytes).reduce((sum, value) => sum + value, 0);
  const [first, last] = [peaks[0] as (typeof peaks)[number], peaks.at(-1) as (typeof peaks)[number]];
  return [
    {
      id: `${id}.components`,
      title: 'Memory by component at the peak of a step',
      paper:
        'Per GPU, dense against static MoE: LM 2.2 to 18.9 GB, MT 7.0 to 21.2 GB; the spikes are gating and reordering.',
      says: `${first.name} peaks at ${(total(first.bytes) / MIB).toFixed(0)} MiB, ${last.name} at ${(total(last.bytes) / MIB).toFixed(0)} MiB.`,
      how: 'measured',
      on,
      columns: [{ name: 'gating' }, ...LEDGER_CATEGORIES.map((name) => ({ name, unit: 'MiB' }))],
      rows: peaks.map(({ name, bytes }) => [name, ...Array.from(bytes, (value) => value / MIB)]),
      drawing: { kind: 'parts', name: 0, parts: LEDGER_CATEGORIES.map((_, category) => category + 1) },
    },
    {
      id: `${id}.within_step`,
      title: 'Gating, reorder and execution memory within a step',
      paper: 'Memory rises in the gating and reorder phase of every MoE layer and falls after it.',
      says: 'Each rise is a MoE layer; what stays flat between is buffers kept for the next one.',
      how: 'measured',
      on,
      columns: [{ name: 'share of the step', unit: '%' }, ...profiles.map(({ name }) => ({ name, unit: 'MiB' }))],
      rows: Array.from({ length: POINTS + 1 }, (_, point) => [
        (100 * point) / POINTS,
        ...profiles.map(({ atMs, bytes }) => highestBetween(atMs, bytes, (point - 1) / POINTS, point / POINTS) / MIB),
      ]),
      drawing: { kind: 'lines', x: 0, ys: profiles.map((_, index) => index + 1) },
    },
  ];
}

const GATING = LEDGER_CATEGORIES.indexOf('gatingReorder');
const EXECUTION = LEDGER_CATEGORIES.indexOf('expertExecution');

function atPeak(bytes: Float64Array): Float64Array {
  let best = bytes.subarray(0, CATEGORY_COUNT);
  let most = -1;
  for (let at = 0; at < bytes.length; at += CATEGORY_COUNT) {
    const row = bytes.subarray(at, at + CATEGORY_COUNT);
    const total = row.reduce((sum, value) => sum + value, 0);
    if (total > most) [best, most] = [row, total];
  }
  return best;
}

/** Highest in a part of the step's time: spikes are shorter than a point of the drawing. */
function highestBetween(atMs: Float32Array, bytes: Float64Array, from: number, to: number): number {
  const end = atMs[atMs.length - 1] ?? 0;
  let most = 0;
  for (let i = 0; i < atMs.length; i++) {
    const next = atMs[i + 1] ?? end;
    // A level holds until the next change.
    if (next < from * end || (atMs[i] as number) > to * end) continue;
    most = Math.max(
      most,
      (bytes[i * CATEGORY_COUNT + GATING] as number) + (bytes[i * CATEGORY_COUNT + EXECUTION] as number),
    );
  }
  return most;
}
