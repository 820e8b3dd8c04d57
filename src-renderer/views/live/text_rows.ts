import type { SequenceText, TextLog } from '../../stores/text_log.ts';
import { tailRuns } from './text_runs.ts';
import { writeRuns } from './write_runs.ts';

const ROW_PX = 20;
const COLUMN_GAP_PX = 24;
const TWO_COLUMNS_PX = 640;

interface RowElements {
  readonly root: HTMLButtonElement;
  readonly number: HTMLElement;
  readonly line: HTMLElement;
  entry: SequenceText | undefined;
  version: number;
  characters: number;
}

/**
 * One line per sequence in flight with its newest text at the end. A line shows exactly as many characters as it has room for
 * (the face is monospaced), so nothing is measured and nothing moves but the text. Only the rows in view are written.
 */
export class TextRows {
  private readonly rows: RowElements[] = [];
  private readonly root: HTMLElement;
  private readonly canvas: HTMLElement;
  private readonly log: TextLog;
  private readonly onOpen: (row: number) => void;
  private characterPx = 0;

  /** `root` scrolls; `canvas` inside it has the height of all rows. */
  constructor(root: HTMLElement, canvas: HTMLElement, log: TextLog, onOpen: (row: number) => void) {
    this.root = root;
    this.canvas = canvas;
    this.log = log;
    this.onOpen = onOpen;
  }

  paint(): void {
    const entries = this.log.rows;
    const width = this.root.clientWidth;
    const columns = width >= TWO_COLUMNS_PX ? 2 : 1;
    const columnPx = (width - (columns - 1) * COLUMN_GAP_PX) / columns;
    const lines = Math.ceil(entries.length / columns);
    this.canvas.style.height = `${lines * ROW_PX}px`;
    const first = Math.floor(this.root.scrollTop / ROW_PX);
    const seen = Math.ceil(this.root.clientHeight / ROW_PX) + 1;
    const shown = entries.slice(first * columns, (first + seen) * columns);
    this.reserve(shown.length);
    this.rows.forEach((row, place) => {
      const entry = shown[place];
      row.root.hidden = entry === undefined;
      if (entry === undefined) return;
      const index = first * columns + place;
      const x = (index % columns) * (columnPx + COLUMN_GAP_PX);
      row.root.style.transform = `translate(${x}px, ${Math.floor(index / columns) * ROW_PX}px)`;
      row.root.style.width = `${columnPx}px`;
      this.write(row, entry, columnPx);
    });
  }

  dispose(): void {
    for (const { root } of this.rows) root.remove();
  }

  private write(row: RowElements, entry: SequenceText, columnPx: number): void {
    const numberPx = 40;
    const characters = Math.max(1, Math.floor((columnPx - numberPx) / this.measure(row.line)));
    if (row.entry === entry && row.version === entry.version && row.characters === characters) return;
    row.entry = entry;
    row.version = entry.version;
    row.characters = characters;
    row.number.textContent = String(entry.sequence + 1);
    row.root.dataset.done = String(entry.done);
    row.root.setAttribute('aria-label', `Sequence ${entry.sequence + 1}${entry.done ? ', done' : ''}: read it all`);
    writeRuns(row.line, tailRuns(entry, characters, true));
  }

  /** Width of one character, taken once: the face does not change. */
  private measure(line: HTMLElement): number {
    if (this.characterPx > 0) return this.characterPx;
    line.textContent = 'm'.repeat(100);
    const { width } = line.getBoundingClientRect();
    line.textContent = '';
    if (width === 0) return 7.2;
    const loaded = document.fonts.status === 'loaded';
    if (loaded) this.characterPx = width / 100;
    return width / 100;
  }

  private reserve(count: number): void {
    while (this.rows.length < count) {
      const root = document.createElement('button');
      root.type = 'button';
      root.className = 'live-text-row';
      const number = document.createElement('span');
      number.className = 'live-text-number';
      const line = document.createElement('span');
      line.className = 'live-text-line';
      root.append(number, line);
      this.canvas.append(root);
      const row: RowElements = { root, number, line, entry: undefined, version: -1, characters: 0 };
      root.addEventListener('click', () => {
        if (row.entry !== undefined) this.onOpen(row.entry.row);
      });
      this.rows.push(row);
    }
  }
}
