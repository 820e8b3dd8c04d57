import { count } from '../format.ts';
import { type Markup, markup } from '../markup.ts';
import { type Axis, drawing, linePath, makePlot, type NamedAxis, px, textWidth, xTicks, yGrid } from './plot.ts';
import { tickStep } from './scale.ts';

export interface CurveChart {
  readonly description: string;
  /** Ascending. */
  readonly xs: readonly number[];
  readonly values: readonly number[];
  readonly xName: string;
  readonly y: Axis;
  readonly point: { readonly x: number; readonly y: number; readonly label: string };
  /** A place on the x axis worth knowing. */
  readonly guide: { readonly x: number; readonly label: string };
}

/** One curve, a point that should lie on it, and a vertical guide. */
export function curveChart({ description, xs, values, xName, y, point, guide }: CurveChart): Markup {
  const max = xs.at(-1) ?? 1;
  const x: NamedAxis = { min: 0, max, step: tickStep(max, 8, true), label: count, name: xName };
  const plot = makePlot(x, y, textWidth(xName) + 14);
  const path = linePath(
    xs.map((value) => plot.x(value)),
    values.map((value) => plot.y(value)),
  );
  const first = plot.x(xs[0] ?? 0);
  const last = plot.x(max);
  const [pointX, pointY] = [plot.x(point.x), plot.y(point.y)];
  const pointLeft = pointX + 10 + textWidth(point.label) > plot.right;
  const guideX = plot.x(Math.min(max, guide.x));
  const guideLeft = guideX + 6 + textWidth(guide.label) > plot.right;
  return drawing(description, [
    yGrid(plot, y),
    markup`<path class="under cache" d="${`${path}L${px(last)} ${plot.bottom}L${px(first)} ${plot.bottom}Z`}"/>`,
    markup`<line class="guide" x1="${px(guideX)}" x2="${px(guideX)}" y1="${plot.top}" y2="${plot.bottom}"/>`,
    markup`<text class="mark-label" x="${px(guideX + (guideLeft ? -5 : 5))}" y="${plot.top + 8}" text-anchor="${guideLeft ? 'end' : 'start'}">${guide.label}</text>`,
    markup`<path class="line cache" d="${path}"/>`,
    markup`<circle class="point" cx="${px(pointX)}" cy="${px(pointY)}" r="4.5"/>`,
    markup`<text class="value" x="${px(pointX + (pointLeft ? -9 : 9))}" y="${px(Math.max(plot.top + 22, pointY - 8))}" text-anchor="${pointLeft ? 'end' : 'start'}">${point.label}</text>`,
    xTicks(plot, x),
  ]);
}
