import type { HeatShape } from './heat_geometry.ts';

/** The cell that a key leads to; undefined for other keys. */
export function movedCell(
  from: { readonly row: number; readonly column: number } | undefined,
  key: string,
  by: number,
  { rows, columns }: Pick<HeatShape, 'rows' | 'columns'>,
): { row: number; column: number } | undefined {
  const at = from ?? { row: 0, column: 0 };
  const to = {
    ArrowUp: { ...at, row: at.row - by },
    ArrowDown: { ...at, row: at.row + by },
    ArrowLeft: { ...at, column: at.column - by },
    ArrowRight: { ...at, column: at.column + by },
    Home: { ...at, column: 0 },
    End: { ...at, column: columns - 1 },
  }[key];
  if (to === undefined) return undefined;
  // The first key only enters the map.
  if (from === undefined && key.startsWith('Arrow')) return at;
  const clamp = (value: number, count: number) => Math.min(count - 1, Math.max(0, value));
  return { row: clamp(to.row, rows), column: clamp(to.column, columns) };
}
