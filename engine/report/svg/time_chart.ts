import { fixed } from '../format.ts';
import { type Markup, markup } from '../markup.ts';
import {
  type Axis,
  drawing,
  linePath,
  makePlot,
  type NamedAxis,
  type Plot,
  px,
  spread,
  textWidth,
  WIDTH,
  xTicks,
  yGrid,
} from './plot.ts';
import { tickStep } from './scale.ts';

export interface Series {
  readonly name: string;
  /** Class that gives its colour. */
  readonly colour: string;
  readonly values: readonly number[];
  /** For rates, which hold for the time since the value before; otherwise values are joined. */
  readonly stepped?: boolean;
}

export interface TimeMark {
  readonly atMs: number;
  readonly label: string;
  /** In the table of settings. */
  readonly number: string;
}

export interface TimeChart {
  readonly description: string;
  /** Of each value, ms since the run began. */
  readonly endMs: readonly number[];
  readonly y: Axis;
  /** Stacked from the bottom, if any; then lines over them. */
  readonly areas?: readonly Series[];
  readonly lines?: readonly Series[];
  /** A level across the chart. */
  readonly level?: { readonly name: string; readonly value: number; readonly kind: 'limit' | 'reference' };
  readonly marks: readonly TimeMark[];
}

const LABEL_GAP = 13;
const SWATCH_WIDTH = 11;

/** Values over the run's time, with the changes of settings as dashed lines and the series named where they end. */
export function timeChart({ description, endMs, y, areas = [], lines = [], level, marks }: TimeChart): Markup {
  const x = timeAxis(endMs.at(-1) ?? 0);
  const names = [...areas, ...lines].map(({ name }) => name).concat(level?.name ?? []);
  const plot = makePlot(x, y, Math.max(...names.map(textWidth), textWidth(x.name)) + SWATCH_WIDTH + 12);
  // The first step's values hold from the start: a run of one step is a line too.
  const xs = [plot.left, ...endMs.map((ms) => plot.x(ms))];
  const held = (values: readonly number[]) => [values[0] ?? Number.NaN, ...values];
  const stacked = stack(areas.map(({ values }) => held(values)));
  const areaPaths = areas.map(({ name, colour }, index) => {
    const path = areaPath(xs, stacked[index] ?? [], stacked[index + 1] ?? [], plot);
    return markup`<path class="area ${colour}" d="${path}"><title>${name}</title></path>`;
  });
  const linePaths = lines.map(({ name, colour, values, stepped = false }) => {
    const ys = held(values).map((value) => plot.y(value));
    const path = stepped ? steppedPath(xs, ys) : linePath(xs, ys);
    return markup`<path class="line ${colour}" d="${path}"><title>${name}</title></path>`;
  });
  return drawing(description, [
    yGrid(plot, y),
    ...areaPaths,
    markLines(plot, marks),
    ...linePaths,
    level === undefined
      ? markup``
      : markup`<line class="level ${level.kind}" x1="${plot.left}" x2="${plot.right}" y1="${px(plot.y(level.value))}" y2="${px(plot.y(level.value))}"/>`,
    endLabels(plot, [
      ...areas.map(({ name, colour }, index) => ({
        name,
        colour,
        at: middle(stacked[index], stacked[index + 1]),
        swatch: true,
      })),
      ...lines.map(({ name, colour, values }) => ({ name, colour, at: values.at(-1) ?? Number.NaN, swatch: true })),
      ...(level === undefined ? [] : [{ name: level.name, colour: level.kind, at: level.value, swatch: false }]),
    ]),
    xTicks(plot, x),
  ]);
}

function timeAxis(endMs: number): NamedAxis {
  const [unitMs, name] = endMs < 120_000 ? [1000, 's'] : endMs < 7_200_000 ? [60_000, 'min'] : [3_600_000, 'h'];
  const step = tickStep(endMs / unitMs, 6);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return { min: 0, max: endMs || 1, step: step * unitMs, label: (ms) => fixed(ms / unitMs, decimals), name };
}

/** Each value from the place of the one before to its own. */
function steppedPath(xs: readonly number[], ys: readonly number[]): string {
  const doubled = xs.slice(1).flatMap((x, index) => [xs[index] ?? x, x]);
  return linePath(
    doubled,
    ys.slice(1).flatMap((y) => [y, y]),
  );
}

/** Running sums, the zero line first. */
function stack(layers: readonly (readonly number[])[]): number[][] {
  const sums = [Array.from({ length: layers[0]?.length ?? 0 }, () => 0)];
  for (const layer of layers) sums.push((sums.at(-1) ?? []).map((sum, index) => sum + (layer[index] ?? 0)));
  return sums;
}

function middle(below: readonly number[] = [], above: readonly number[] = []): number {
  return ((below.at(-1) ?? Number.NaN) + (above.at(-1) ?? Number.NaN)) / 2;
}

function areaPath(xs: readonly number[], below: readonly number[], above: readonly number[], { y }: Plot): string {
  const back = xs.map((x, index) => `L${px(x)} ${px(y(below[index] ?? 0))}`).reverse();
  return `${linePath(
    xs,
    above.map((value) => y(value)),
  )}${back.join('')}Z`;
}

/**
 * A mark's words where there is room for them before the next mark, else its number in the table of settings; no words at all
 * where even the numbers do not fit.
 */
function markLines({ x, left, right, top, bottom }: Plot, marks: readonly TimeMark[]): Markup {
  const places = marks.map(({ atMs }) => Math.min(right, Math.max(left, x(atMs))));
  const rooms = places.map((place, index) => (places[index + 1] ?? WIDTH) - place - 6);
  const named = marks.every(({ number }, index) => textWidth(number) <= (rooms[index] ?? 0));
  return markup`${marks.map(({ label, number }, index) => {
    const place = places[index] ?? left;
    const words = textWidth(label) <= (rooms[index] ?? 0) ? label : number;
    return markup`<line class="mark" x1="${px(place)}" x2="${px(place)}" y1="${top - 14}" y2="${bottom}"><title>${label}</title></line>${
      named && markup`<text class="mark-label" x="${px(place + 4)}" y="${top - 6}">${words}</text>`
    }`;
  })}`;
}

interface EndLabel {
  readonly name: string;
  readonly colour: string;
  /** Value that it belongs to. */
  readonly at: number;
  /** A square of the series' colour: thin layers lie apart from their names. */
  readonly swatch: boolean;
}

function endLabels({ y, right, top, bottom }: Plot, labels: readonly EndLabel[]): Markup {
  const shown = labels.filter(({ at }) => Number.isFinite(at));
  const places = spread(
    shown.map(({ at }) => y(at)),
    LABEL_GAP,
    top,
    bottom - 2,
  );
  return markup`${shown.map(({ name, colour, swatch }, index) => {
    const place = places[index] ?? 0;
    const left = right + 8;
    return markup`${
      swatch && markup`<rect class="part ${colour}" x="${left}" y="${px(place - 3.5)}" width="7" height="7" rx="1.5"/>`
    }<text class="end ${colour}" x="${swatch ? left + SWATCH_WIDTH : left}" y="${px(place + 4)}">${name}</text>`;
  })}`;
}
