/** Axes of the labs' plots. Pure: values and pixels in, pixels and texts out. */

export interface PlotFrame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface ValueAxis {
  /** Above zero on a logarithmic axis, and only there; a linear one begins at zero. */
  readonly min?: number;
  readonly max: number;
  readonly ticks: readonly number[];
}

/** From zero to the next round value (1, 2, 2.5 or 5 times a power of ten) with about `lines` grid lines. */
export function valueAxis(highest: number, lines = 4): ValueAxis {
  if (!(highest > 0)) return { max: 1, ticks: [0, 1] };
  const rough = highest / lines;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10) * power;
  const steps = Math.max(1, Math.ceil(highest / step - 0.001));
  return { max: steps * step, ticks: Array.from({ length: steps + 1 }, (_, i) => i * step) };
}

const LOG_STEPS = [[1, 2, 5], [1, 3], [1]];
const MOST_LOG_TICKS = 6;

/** A logarithmic axis around positive values that ends at round ones. */
export function logAxis(lowest: number, highest: number): ValueAxis {
  const found = LOG_STEPS.map((steps) => logTicks(steps, lowest, highest));
  const ticks = found.find(({ length }) => length <= MOST_LOG_TICKS) ?? found.at(-1) ?? [];
  return { min: ticks[0] ?? lowest, max: ticks.at(-1) ?? highest, ticks };
}

function logTicks(steps: readonly number[], lowest: number, highest: number): number[] {
  const all: number[] = [];
  for (let power = Math.floor(Math.log10(lowest)) - 1; power <= Math.ceil(Math.log10(highest)) + 1; power++) {
    for (const step of steps) all.push(Number((step * 10 ** power).toPrecision(3)));
  }
  const min = all.filter((tick) => tick <= lowest).at(-1) ?? lowest;
  const max = all.find((tick) => tick >= highest && tick > min) ?? highest;
  return all.filter((tick) => tick >= min && tick <= max);
}

export interface Scale {
  x(value: number): number;
  y(value: number): number;
}

/** `log`: equal steps for equal factors, for sizes that double; the first value must then be above zero. */
export function plotScale(
  xs: readonly number[],
  kind: 'linear' | 'log',
  yMax: number,
  { left, right, top, bottom }: PlotFrame,
  /** Lower end of a logarithmic y axis; absent: the axis is linear from zero. */
  yMin?: number,
): Scale {
  const first = xs[0] ?? 0;
  const last = xs.at(-1) ?? 1;
  const place = kind === 'log' ? Math.log2 : (value: number) => value;
  const span = place(last) - place(first) || 1;
  const share = (value: number) =>
    yMin === undefined ? value / (yMax || 1) : Math.log(Math.max(value, yMin) / yMin) / Math.log(yMax / yMin);
  return {
    x: (value) => left + ((place(value) - place(first)) / span) * (right - left),
    y: (value) => bottom - share(Math.min(value, yMax)) * (bottom - top),
  };
}

/** Ticks that have room, first and last before those between. `width` is what a text takes. */
export function tickPlaces(xs: readonly number[], place: (value: number) => number, width: (value: number) => number) {
  const taken: { readonly from: number; readonly to: number }[] = [];
  const shown = new Set<number>();
  const gap = 10;
  const halves = [xs[0], xs.at(-1), ...[...xs].filter(isRound), ...xs];
  for (const value of halves) {
    if (value === undefined || shown.has(value)) continue;
    const half = width(value) / 2;
    const at = place(value);
    if (taken.some(({ from, to }) => at - half - gap < to && from < at + half + gap)) continue;
    taken.push({ from: at - half, to: at + half });
    shown.add(value);
  }
  return xs.filter((value) => shown.has(value));
}

/** As `tickPlaces`, on a linear axis: every n-th value, n the smallest of 1, 2, 5, 10, ... that leaves room. */
export function evenTicks(xs: readonly number[], place: (value: number) => number, width: (value: number) => number) {
  const gap = 14;
  const isClear = (ticks: readonly number[]) =>
    ticks.every((value, i) => {
      const before = ticks[i - 1];
      return before === undefined || place(value) - place(before) >= (width(value) + width(before)) / 2 + gap;
    });
  for (let power = 1; power < xs.length; power *= 10) {
    for (const step of [power, 2 * power, 5 * power]) {
      const ticks = xs.filter((_, i) => i % step === 0);
      if (isClear(ticks)) return ticks;
    }
  }
  return xs.slice(0, 1);
}

/** Powers of two are where a reader of sizes looks first. */
const isRound = (value: number) => Number.isInteger(Math.log2(value));

/** Index of the value whose place is nearest to a pixel. */
export function nearestIndex(xs: readonly number[], place: (value: number) => number, pixel: number): number {
  let best = 0;
  for (let i = 1; i < xs.length; i++) {
    if (Math.abs(place(xs[i] ?? 0) - pixel) < Math.abs(place(xs[best] ?? 0) - pixel)) best = i;
  }
  return best;
}
