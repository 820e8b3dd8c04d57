import { type Markup, markup } from '../markup.ts';
import { drawing, px, textWidth, WIDTH } from './plot.ts';

export interface SplitRow {
  readonly name: string;
  /** At the row's end. */
  readonly total: string;
  readonly parts: readonly { readonly name: string; readonly value: number; readonly title: string; readonly colour: string }[];
}

const ROW_HEIGHT = 58;
const BAR_HEIGHT = 26;
const TOP = 20;
/** Parts thinner than this get no gap to the next. */
const GAP = 1;

/** Rows of parts of a whole, each row to its own full width. Names stand in their part where they fit. */
export function splitBars(description: string, rows: readonly SplitRow[]): Markup {
  const width = WIDTH - 8;
  const drawn = rows.map(({ name, total, parts }, row) => {
    const y = TOP + row * ROW_HEIGHT;
    const sum = parts.reduce((all, { value }) => all + value, 0) || 1;
    let x = 4;
    const segments = parts.map((part) => {
      const length = (part.value / sum) * width;
      const at = x;
      x += length;
      const drawnWidth = Math.max(0, length - (length > 3 ? GAP : 0));
      const fits = textWidth(part.name) + 10 <= length;
      return markup`<g><title>${part.title}</title><rect class="part ${part.colour}" x="${px(at)}" y="${y}" width="${px(drawnWidth)}" height="${BAR_HEIGHT}"/>${
        fits && markup`<text class="inside" x="${px(at + 6)}" y="${y + 17}">${part.name}</text>`
      }</g>`;
    });
    return markup`<text class="value" x="4" y="${y - 6}">${name}</text><text class="tick" x="${WIDTH - 4}" y="${y - 6}" text-anchor="end">${total}</text>${segments}`;
  });
  return drawing(description, drawn, TOP + rows.length * ROW_HEIGHT - (ROW_HEIGHT - BAR_HEIGHT) + 6);
}
