import type { TextDelta } from '../../engine/protocol/telemetry.ts';

export interface TextPiece {
  readonly text: string;
  /** The token waited for at least one expert to load. */
  readonly waited: boolean;
}

/** What one row of the batch shows: the sequence in flight there, or the last one that was. */
export interface SequenceText {
  readonly row: number;
  readonly sequence: number;
  readonly prompt: string;
  /** The prompt is a source, and the text its translation. */
  readonly isSource: boolean;
  readonly pieces: readonly TextPiece[];
  /** Generated tokens so far, also those whose text was dropped. */
  readonly tokens: number;
  readonly waitedTokens: number;
  readonly done: boolean;
  /** Raised at each change of this row. */
  readonly version: number;
}

/** Characters kept of a sequence: more than a screen of text; the run file holds the rest. */
const MOST_CHARACTERS = 12_000;

interface MutableSequence extends SequenceText {
  sequence: number;
  prompt: string;
  isSource: boolean;
  pieces: TextPiece[];
  tokens: number;
  waitedTokens: number;
  done: boolean;
  version: number;
  characters: number;
}

/** The text in flight, by batch row. Bounded: rows by the batch, characters by row. */
export class TextLog {
  version = 0;
  private readonly byRow = new Map<number, MutableSequence>();

  get rows(): readonly SequenceText[] {
    return [...this.byRow.values()].sort((a, b) => a.row - b.row);
  }

  row(row: number): SequenceText | undefined {
    return this.byRow.get(row);
  }

  reset(): void {
    this.byRow.clear();
    this.version++;
  }

  append(deltas: readonly TextDelta[]): void {
    for (const delta of deltas) this.appendOne(delta);
    if (deltas.length > 0) this.version++;
  }

  private appendOne(delta: TextDelta): void {
    let entry = this.byRow.get(delta.row);
    if (entry === undefined || entry.sequence !== delta.sequence) {
      entry = {
        row: delta.row,
        sequence: delta.sequence,
        prompt: '',
        isSource: false,
        pieces: [],
        tokens: 0,
        waitedTokens: 0,
        done: false,
        version: 0,
        characters: 0,
      };
      this.byRow.set(delta.row, entry);
    }
    if (delta.isSource === true) entry.isSource = true;
    if (delta.prompt !== undefined) entry.prompt = delta.prompt.slice(-MOST_CHARACTERS);
    for (const piece of delta.pieces) {
      entry.pieces.push(piece);
      entry.tokens++;
      if (piece.waited) entry.waitedTokens++;
      entry.characters += piece.text.length;
    }
    if (delta.done) entry.done = true;
    // Trimmed at twice the limit, so that the cost of moving the array is paid rarely.
    if (entry.characters > 2 * MOST_CHARACTERS) trim(entry);
    entry.version = ++this.version;
  }
}

function trim(entry: MutableSequence): void {
  let drop = 0;
  while (entry.characters > MOST_CHARACTERS) {
    entry.characters -= entry.pieces[drop]?.text.length ?? 0;
    drop++;
  }
  entry.pieces.splice(0, drop);
  entry.prompt = '';
}
