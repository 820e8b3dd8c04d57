import { type Markup, markup } from '../markup.ts';
import { type Axis, drawing, makePlot, px, textWidth, yGrid } from './plot.ts';

export interface Bar {
  /** Under the bar. */
  readonly name: string;
  readonly value: number;
  /** Over the bar. */
  readonly label: string;
  /** Whisker over it. */
  readonly spread?: { readonly low: number; readonly high: number };
  /** Tooltip. */
  readonly title: string;
  /** Bars of another group stand apart by a gap. */
  readonly group: string;
}

const GROUP_GAP = 14;
const MOST_BAR_WIDTH = 40;
const RIGHT_MARGIN = 40;

/**
 * One bar per layer. The largest is stressed. Where names would touch, some are left out; where values would, only the largest
 * and the smallest have theirs written over them.
 */
export function barChart(description: string, bars: readonly Bar[], y: Axis, xName: string, colour: string): Markup {
  const groups = [...new Set(bars.map(({ group }) => group))];
  const plot = makePlot({ min: 0, max: 1 }, y, RIGHT_MARGIN);
  const slot = (plot.right - plot.left - GROUP_GAP * (groups.length - 1)) / Math.max(1, bars.length);
  const width = Math.min(MOST_BAR_WIDTH, slot * 0.7);
  const values = bars.map(({ value }) => value);
  const [largest, smallest] = [values.indexOf(Math.max(...values)), values.indexOf(Math.min(...values))];
  const every = (texts: readonly string[]) => Math.ceil((Math.max(...texts.map(textWidth), 1) + 4) / slot);
  const nameEvery = every(bars.map(({ name }) => name));
  const allLabelled = every(bars.map(({ label }) => label)) === 1;
  const centre = (index: number) =>
    plot.left + slot * (index + 0.5) + GROUP_GAP * groups.indexOf(bars[index]?.group ?? '');
  const drawn = bars.map(({ name, value, label, spread, title }, index) => {
    const x = centre(index);
    const top = plot.y(Number.isFinite(value) ? value : 0);
    const labelAt = Math.min(top, spread === undefined ? top : plot.y(spread.high)) - 4;
    const whisker = spread && linePair(x, plot.y(spread.low), plot.y(spread.high));
    return markup`<g><title>${title}</title><rect class="bar ${colour}${index === largest ? ' most' : ''}" x="${px(x - width / 2)}" y="${px(top)}" width="${px(width)}" height="${px(plot.bottom - top)}" rx="${px(Math.min(2, width / 4))}"/>${whisker}${
      (allLabelled || index === largest || index === smallest) &&
      markup`<text class="value" x="${px(x)}" y="${px(labelAt)}" text-anchor="middle">${label}</text>`
    }${index % nameEvery === 0 && markup`<text class="tick" x="${px(x)}" y="${plot.bottom + 15}" text-anchor="middle">${name}</text>`}</g>`;
  });
  return drawing(description, [
    yGrid(plot, y),
    ...drawn,
    markup`<text class="tick" x="${plot.right + 8}" y="${plot.bottom + 15}">${xName}</text>`,
    ...(groups.length > 1 ? groups.map((group) => groupName(group, bars, centre, plot.top)) : []),
  ]);
}

function linePair(x: number, low: number, high: number): Markup {
  return markup`<line class="whisker" x1="${px(x)}" x2="${px(x)}" y1="${px(low)}" y2="${px(high)}"/>`;
}

function groupName(group: string, bars: readonly Bar[], centre: (index: number) => number, top: number): Markup {
  const first = bars.findIndex((bar) => bar.group === group);
  return markup`<text class="tick" x="${px(centre(first))}" y="${top - 4}">${group}</text>`;
}
