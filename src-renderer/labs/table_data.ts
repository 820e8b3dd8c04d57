import { toCsv } from '../format/csv.ts';

export interface TableColumn {
  readonly title: string;
  /** Written behind the title in the header of the CSV: "miss rate (%)". */
  readonly unit?: string;
  /** Texts stand left, numbers right. */
  readonly isText?: boolean;
}

export interface TableCell {
  readonly text: string;
  /** The whole value, for the CSV; absent: the text. */
  readonly value?: number | string;
}

export interface TableRow {
  readonly key: string;
  readonly cells: readonly TableCell[];
  readonly isMarked?: boolean;
}

export interface TableData {
  readonly columns: readonly TableColumn[];
  readonly rows: readonly TableRow[];
}

/** Units in the header, values in full. */
export function tableCsv({ columns, rows }: TableData): string {
  return toCsv(
    columns.map(({ title, unit }) => (unit === undefined ? title : `${title} (${unit})`)),
    rows.map(({ cells }) => cells.map(({ text, value }) => value ?? text)),
  );
}
