import { bytesPer, byteUnit } from '../format/bytes.ts';

export interface AxisScale {
  readonly min: number;
  readonly max: number;
  readonly interval: number;
}

/** From zero to at least `highest` bytes, with lines at whole powers of two of the unit (0, 32, 64, 96 MiB). */
export function byteScale(highest: number, lines = 4): AxisScale {
  const unit = bytesPer(byteUnit(highest));
  let interval = unit / 16;
  while (interval * lines < highest) interval *= 2;
  return { min: 0, max: interval * Math.max(1, Math.ceil(highest / interval)), interval };
}

/** Shares that leave little to see below: [axis start, distance of lines]. */
const SHARE_FLOORS = [
  [0.98, 0.005],
  [0.95, 0.01],
  [0.9, 0.02],
  [0.8, 0.05],
  [0.5, 0.1],
  [0, 0.25],
] as const;

/** An axis of shares that ends at 1 and starts as high as the lowest value allows. */
export function topShareScale(lowest: number): AxisScale {
  const [min, interval] = SHARE_FLOORS.find(([floor]) => lowest >= floor + (1 - floor) * 0.05) ?? [0, 0.25];
  return { min, max: 1, interval };
}

/** From zero to the quarter, half or whole that holds `highest`. */
export function shareScale(highest: number): AxisScale {
  const max = [0.25, 0.5].find((candidate) => highest <= candidate * 0.96) ?? 1;
  return { min: 0, max, interval: max / 4 };
}

export interface ValueRange {
  readonly lowest: number;
  readonly highest: number;
}

/**
 * The scale to use when `wanted` is asked for while `current` is shown: the current one as long as it holds the values and the
 * wanted one is not at least twice as fine, so that values at a boundary do not make the axis jump to and fro.
 */
export function steadyScale(current: AxisScale | undefined, wanted: AxisScale, values: ValueRange): AxisScale {
  if (current === undefined) return wanted;
  const fits = values.lowest >= current.min && values.highest <= current.max;
  const muchFiner = (wanted.max - wanted.min) * 2 <= current.max - current.min;
  return fits && !muchFiner ? current : wanted;
}
