import { type Markup, markup } from '../markup.ts';
import { linearScale, type Scale, ticks } from './scale.ts';

/** Drawing is in CSS pixels of a panel at its usual width; the page scales it. */
export const WIDTH = 520;
export const HEIGHT = 216;
const TEXT_SIZE = 11;
/** Room for the words of marks over the drawing. */
const TOP = 20;
const BOTTOM = 24;

/** Mean advance of a letter of the interface's face at the charts' text size. Too wide is harmless, too narrow overlaps. */
const LETTER_WIDTH = TEXT_SIZE * 0.58;
export const textWidth = (text: string): number => text.length * LETTER_WIDTH;

export interface Axis {
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly label: (value: number) => string;
}

/** A horizontal axis has its unit written at its end; that of a vertical one stands beside the panel's title. */
export interface NamedAxis extends Axis {
  readonly name: string;
}

export interface Plot {
  readonly x: Scale;
  readonly y: Scale;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** @param rightMargin room for labels at the ends of lines */
export function makePlot(x: Pick<Axis, 'min' | 'max'>, y: Axis, rightMargin: number): Plot {
  const widest = Math.max(...ticks(y.min, y.max, y.step).map((tick) => textWidth(y.label(tick))), 12);
  const left = Math.ceil(widest) + 10;
  const right = WIDTH - rightMargin;
  const [top, bottom] = [TOP, HEIGHT - BOTTOM];
  return {
    x: linearScale(x.min, x.max, left, right),
    y: linearScale(y.min, y.max, bottom, top),
    left,
    right,
    top,
    bottom,
  };
}

/** Grid lines with their values. */
export function yGrid({ y, left, right }: Plot, axis: Axis): Markup {
  return markup`${ticks(axis.min, axis.max, axis.step).map((tick) => {
    const place = px(y(tick));
    return markup`<line class="${tick === axis.min ? 'axis' : 'grid'}" x1="${left}" x2="${right}" y1="${place}" y2="${place}"/><text class="tick" x="${left - 6}" y="${px(y(tick) + 3.5)}" text-anchor="end">${axis.label(tick)}</text>`;
  })}`;
}

/** Values along the bottom; the last gives way to the axis' name where they would touch. */
export function xTicks({ x, right, bottom }: Plot, axis: NamedAxis): Markup {
  const y = bottom + 15;
  const nameAt = right + 8;
  return markup`${ticks(axis.min, axis.max, axis.step)
    .filter((tick) => x(tick) + textWidth(axis.label(tick)) / 2 < nameAt - 2)
    .map(
      (tick) => markup`<text class="tick" x="${px(x(tick))}" y="${y}" text-anchor="middle">${axis.label(tick)}</text>`,
    )}<text class="tick" x="${nameAt}" y="${y}">${axis.name}</text>`;
}

/** A drawing with a text in place of it for who cannot see it. */
export function drawing(description: string, content: readonly Markup[], height = HEIGHT): Markup {
  return markup`<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${description}">${content}</svg>`;
}

/** Coordinates need no more than a tenth of a pixel. */
export const px = (value: number): number => Math.round(value * 10) / 10;

/** Path through points; broken where a value is not finite. */
export function linePath(xs: readonly number[], ys: readonly number[]): string {
  let path = '';
  let pen = false;
  for (const [index, x] of xs.entries()) {
    const y = ys[index] ?? Number.NaN;
    if (Number.isFinite(y)) path += `${pen ? 'L' : 'M'}${px(x)} ${px(y)}`;
    pen = Number.isFinite(y);
  }
  return path;
}

/** Moves wished places apart to `gap`, keeping their order and staying within [low, high] as far as there is room. */
export function spread(wished: readonly number[], gap: number, low: number, high: number): number[] {
  const order = [...wished.keys()].sort((a, b) => (wished[a] ?? 0) - (wished[b] ?? 0));
  const places: number[] = [];
  let next = low;
  for (const index of order) {
    places[index] = Math.max(next, wished[index] ?? 0);
    next = (places[index] ?? 0) + gap;
  }
  let limit = high;
  for (const index of order.reverse()) {
    places[index] = Math.min(limit, places[index] ?? 0);
    limit = (places[index] ?? 0) - gap;
  }
  return places;
}
