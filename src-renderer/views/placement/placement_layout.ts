/** Where the dots, bars and lines of the Placement lab stand. Pure: a table in, shares of a width out. */
import type { PlacementRow, PlacementTable } from '../../../engine/protocol/labs.ts';

export interface LoadAxis {
  /** Shares of a batch at the ends of the axis; `min` is the even share. */
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly number[];
}

const STEPS = [0.0025, 0.005, 0.01, 0.02, 0.025, 0.05, 0.1, 0.2, 0.25];
const MOST_TICKS = 3;
/** Nearer to the even share than this part of the axis, a label would stand on that of the even share. */
const CLEAR = 0.36;

/** From the even share, below which no largest share can be, to a whole step above the highest of `values`. */
export function loadAxis(values: readonly number[], devices: number): LoadAxis {
  const even = 1 / devices;
  const highest = Math.max(even * 1.05, ...values);
  const step = STEPS.find((candidate) => (highest - even) / candidate <= MOST_TICKS) ?? 0.25;
  const max = Math.min(1, Math.max(Math.ceil(highest / step - 1e-9) * step, even + step));
  const first = Math.floor(even / step + 1e-9) + 1;
  const ticks: number[] = [];
  for (let i = first; i * step <= max + 1e-9; i++) {
    if ((i * step - even) / (max - even) >= CLEAR) ticks.push(i * step);
  }
  return { min: even, max, ticks };
}

export const onAxis = (axis: LoadAxis, share: number): number =>
  Math.min(1, Math.max(0, (share - axis.min) / (axis.max - axis.min)));

export type Measure = 'average' | 'max';

export const historyShare = (row: PlacementRow, measure: Measure): number =>
  measure === 'average' ? row.historyAvgMaxLoad : row.historyMaxLoad;
export const scoredShare = (row: PlacementRow, measure: Measure): number =>
  measure === 'average' ? row.avgMaxLoad : row.maxLoad;

export const measureAxis = ({ rows, devices }: PlacementTable, measure: Measure): LoadAxis =>
  loadAxis(
    rows.flatMap((row) => [historyShare(row, measure), scoredShare(row, measure)]),
    devices,
  );

/** The row with the smallest average of the largest share on the scored half; the first of equals. */
export function bestRow(rows: readonly PlacementRow[]): PlacementRow | undefined {
  return rows.reduce<PlacementRow | undefined>(
    (best, row) => (best === undefined || row.avgMaxLoad < best.avgMaxLoad ? row : best),
    undefined,
  );
}

/** Means of runs of `perPoint` values, so that a long series has at most `most` points. */
export function thinned(
  values: readonly number[],
  most: number,
): { readonly values: number[]; readonly perPoint: number } {
  const perPoint = Math.max(1, Math.ceil(values.length / most));
  const means: number[] = [];
  for (let start = 0; start < values.length; start += perPoint) {
    const part = values.slice(start, start + perPoint);
    means.push(part.reduce((sum, value) => sum + value, 0) / part.length);
  }
  return { values: means, perPoint };
}

/** Lowest and highest of a list, [0, 0] for none. */
export function rangeOf(values: readonly number[]): readonly [number, number] {
  return values.length === 0 ? [0, 0] : [Math.min(...values), Math.max(...values)];
}
