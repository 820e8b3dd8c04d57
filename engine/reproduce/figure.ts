/** Measured: timed or counted by the engine here. Replayed: from recorded routing. Projected: computed from other figures. */
export type How = 'measured' | 'replayed' | 'projected';

export interface Column {
  readonly name: string;
  readonly unit?: string;
}

/** null: not there (it did not fit, or the source has none). */
export type Cell = string | number | null;

/** How the page draws a figure's table. Columns by their index. */
export type Drawing =
  /** A line for each of `ys` over the numbers of column `x`. */
  | { readonly kind: 'lines'; readonly x: number; readonly ys: readonly number[]; readonly percent?: boolean }
  /** A bar a row, named by column `name`. */
  | { readonly kind: 'bars'; readonly name: number; readonly value: number; readonly group?: number }
  /** A row of parts, to its own full width. */
  | { readonly kind: 'parts'; readonly name: number; readonly parts: readonly number[] };

/** A table or figure of the paper, ours beside it. */
export interface Figure {
  readonly id: string;
  readonly title: string;
  /** What the paper's own shows. */
  readonly paper: string;
  /** What ours says, a sentence. */
  readonly says: string;
  readonly how: How;
  /** On which model, tokens and devices. */
  readonly on: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
  readonly drawing?: Drawing;
}
