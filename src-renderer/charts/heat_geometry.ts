/** Where the cells of a heat map lie. Pure: rows, columns and pixels. */

export interface HeatShape {
  readonly rows: number;
  readonly columns: number;
  /** Rows before which a gap is left, ascending, for example where the decoder begins. */
  readonly breaks: readonly number[];
}

export interface HeatArea {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface CellBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export const GAP_PX = 8;

/** Height of a row, pixels. */
export const rowHeight = ({ rows, breaks }: HeatShape, { height }: HeatArea) =>
  Math.max(0, height - breaks.length * GAP_PX) / Math.max(1, rows);

/** Top of a row, pixels. */
export const rowTop = (shape: HeatShape, area: HeatArea, row: number): number =>
  area.top + row * rowHeight(shape, area) + shape.breaks.filter((at) => at <= row).length * GAP_PX;

export function cellBox(shape: HeatShape, area: HeatArea, row: number, column: number): CellBox {
  const width = area.width / Math.max(1, shape.columns);
  return {
    x: area.left + column * width,
    y: rowTop(shape, area, row),
    width,
    height: rowHeight(shape, area),
  };
}

/** The cell at a pixel, or undefined beside the cells and in a gap. */
export function cellAt(
  shape: HeatShape,
  area: HeatArea,
  x: number,
  y: number,
): { row: number; column: number } | undefined {
  const column = Math.floor(((x - area.left) / area.width) * shape.columns);
  if (!(column >= 0 && column < shape.columns)) return undefined;
  const height = rowHeight(shape, area);
  let row = Math.floor((y - area.top) / height);
  // Gaps above shift a row down by less than the gaps' sum: the guess is at most a few rows too far.
  for (row = Math.min(row, shape.rows - 1); row >= 0; row--) {
    const top = rowTop(shape, area, row);
    if (y < top) continue;
    return y < top + height ? { row, column } : undefined;
  }
  return undefined;
}

/** Rows in pieces that lie together, as [first, end). */
export function rowRuns({ rows, breaks }: HeatShape): readonly (readonly [number, number])[] {
  const starts = [0, ...breaks];
  return starts.map((start, index) => [start, starts[index + 1] ?? rows] as const);
}

/** Numbers for an axis of whole things with `room` pixels each: every one, second, fourth, ... for expert counts are powers of two. */
export function axisNumbers(count: number, room: number, leastPx: number): readonly number[] {
  let every = 1;
  while (every * room < leastPx && every < count) every *= 2;
  return Array.from({ length: Math.ceil(count / every) }, (_, i) => i * every);
}
