import { type Markup, markup } from '../markup.ts';
import { drawing, px, WIDTH } from './plot.ts';

export interface SplitRow {
  readonly name: string;
  /** At the row's end. */
  readonly total: string;
  readonly parts: readonly { readonly value: number; readonly title: string; readonly colour: string }[];
}

const ROW_HEIGHT = 46;
const BAR_HEIGHT = 18;
const TOP = 18;
const SIDE = 4;
/** Between parts; those hardly wider than this get none. */
const GAP = 1;

/** Rows of parts of a whole, each row to its own full width. A table beside it names the colours. */
export function splitBars(description: string, rows: readonly SplitRow[]): Markup {
  const width = WIDTH - 2 * SIDE;
  const drawn = rows.map(({ name, total, parts }, row) => {
    const y = TOP + row * ROW_HEIGHT;
    const sum = parts.reduce((all, { value }) => all + value, 0) || 1;
    let x = SIDE;
    const segments = parts.map(({ value, title, colour }) => {
      const length = (value / sum) * width;
      const at = x;
      x += length;
      const drawnWidth = Math.max(0, length - (length > 3 * GAP ? GAP : 0));
      return markup`<rect class="part ${colour}" x="${px(at)}" y="${y}" width="${px(drawnWidth)}" height="${BAR_HEIGHT}"><title>${title}</title></rect>`;
    });
    return markup`<text class="value" x="${SIDE}" y="${y - 6}">${name}</text><text class="tick" x="${WIDTH - SIDE}" y="${y - 6}" text-anchor="end">${total}</text>${segments}`;
  });
  return drawing(description, drawn, TOP + (rows.length - 1) * ROW_HEIGHT + BAR_HEIGHT + 6);
}
