import { type Markup, markup } from '../markup.ts';
import {
  type Axis,
  drawing,
  linePath,
  makePlot,
  type NamedAxis,
  px,
  spread,
  textWidth,
  xTicks,
  yGrid,
} from './plot.ts';

export interface ChartLine {
  readonly name: string;
  /** Class that gives its colour. */
  readonly colour: string;
  /** By x; NaN where there is none: the line is broken there. */
  readonly values: readonly number[];
}

export interface LineChart {
  readonly description: string;
  /** Ascending. */
  readonly xs: readonly number[];
  readonly x: NamedAxis;
  readonly y: Axis;
  readonly lines: readonly ChartLine[];
}

const LABEL_GAP = 13;

/** Several lines over a common axis, each named where it ends; one without a single value is left out. */
export function lineChart({ description, xs, x, y, lines }: LineChart): Markup {
  const drawn = lines.filter(({ values }) => values.some(Number.isFinite));
  const plot = makePlot(x, y, Math.max(...drawn.map(({ name }) => textWidth(name)), textWidth(x.name)) + 14);
  const places = spread(
    drawn.map(({ values }) => plot.y(lastFinite(values))),
    LABEL_GAP,
    plot.top,
    plot.bottom - 2,
  );
  return drawing(description, [
    yGrid(plot, y),
    ...drawn.map(({ name, colour, values }, index) => {
      const ys = values.map((value) => plot.y(value));
      const points = xs.map((value, i) =>
        Number.isFinite(values[i])
          ? markup`<circle class="dot ${colour}" cx="${px(plot.x(value))}" cy="${px(ys[i] ?? 0)}" r="2"/>`
          : markup``,
      );
      const path = linePath(
        xs.map((value) => plot.x(value)),
        ys,
      );
      return markup`<path class="line ${colour}" d="${path}"><title>${name}</title></path>${points}<text class="end ${colour}" x="${plot.right + 8}" y="${px((places[index] ?? 0) + 4)}">${name}</text>`;
    }),
    xTicks(plot, x),
  ]);
}

function lastFinite(values: readonly number[]): number {
  for (let i = values.length - 1; i >= 0; i--) if (Number.isFinite(values[i])) return values[i] as number;
  return Number.NaN;
}
