import type { TextTokenizer, TokenStream } from '../checkpoint/tokenizer.ts';
import type { FrameBuilder } from './frame_builder.ts';
import type { Admission, Emission } from './scheduler.ts';

/** Turns emitted tokens into the text of each sequence, piece by piece. */
export class RunText {
  private readonly streams = new Map<number, TokenStream>();
  /** Translations without a word yet: the space that their first token begins with follows nothing. */
  private readonly unopened = new Set<number>();

  constructor(
    private readonly tokenizer: TextTokenizer,
    private readonly frames: FrameBuilder,
    private readonly devices: number,
    /** Prompts are sources of an encoder-decoder. */
    private readonly sources: boolean,
  ) {}

  begin({ sequence, rank, row, prompt }: Admission): void {
    this.streams.set(sequence, this.tokenizer.stream());
    const place = this.place(rank, row);
    if (this.sources) this.unopened.add(sequence);
    this.frames.addText({
      sequence,
      row: place,
      prompt: prompt.text,
      ...(this.sources && { isSource: true }),
      pieces: [],
    });
  }

  /** Shows what each emission completed (often nothing: half a character); returns it for the run file. */
  add(emissions: readonly (Emission & { readonly waited: boolean })[]): string[] {
    return emissions.map(({ sequence, rank, row, token, done, waited }) => {
      const stream = this.streams.get(sequence);
      const whole = stream === undefined ? '' : stream.push(token) + (done ? stream.flush() : '');
      const text = this.unopened.has(sequence) ? whole.trimStart() : whole;
      if (text !== '') this.unopened.delete(sequence);
      if (done) {
        this.streams.delete(sequence);
        this.unopened.delete(sequence);
      }
      const pieces = text === '' ? [] : [{ text, waited }];
      this.frames.addText({ sequence, row: this.place(rank, row), pieces, ...(done && { done }) });
      return text;
    });
  }

  /** Rows of all ranks in one list: row 0 of every rank, then row 1, ... */
  private place(rank: number, row: number): number {
    return row * this.devices + rank;
  }
}
