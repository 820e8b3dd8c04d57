import type { TextTokenizer, TokenStream } from '../checkpoint/tokenizer.ts';
import type { FrameBuilder } from './frame_builder.ts';
import type { Admission, Emission } from './scheduler.ts';

/** Turns emitted tokens into the text of each sequence, piece by piece. */
export class RunText {
  private readonly streams = new Map<number, TokenStream>();
  /** Place of each sequence in flight in the one list that is shown, the lowest free: it keeps it wherever it is computed. */
  private readonly places = new Map<number, number>();
  /** Translations without a word yet: the space that their first token begins with follows nothing. */
  private readonly unopened = new Set<number>();

  constructor(
    private readonly tokenizer: TextTokenizer,
    private readonly frames: FrameBuilder,
    /** Prompts are sources of an encoder-decoder. */
    private readonly sources: boolean,
  ) {}

  begin({ sequence, prompt }: Admission): void {
    this.streams.set(sequence, this.tokenizer.stream());
    const place = this.freePlace();
    this.places.set(sequence, place);
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
    return emissions.map(({ sequence, token, done, waited }) => {
      const row = this.places.get(sequence) ?? 0;
      const stream = this.streams.get(sequence);
      const whole = stream === undefined ? '' : stream.push(token) + (done ? stream.flush() : '');
      const text = this.unopened.has(sequence) ? whole.trimStart() : whole;
      if (text !== '') this.unopened.delete(sequence);
      if (done) {
        this.streams.delete(sequence);
        this.places.delete(sequence);
        this.unopened.delete(sequence);
      }
      const pieces = text === '' ? [] : [{ text, waited }];
      this.frames.addText({ sequence, row, pieces, ...(done && { done }) });
      return text;
    });
  }

  private freePlace(): number {
    const taken = new Set(this.places.values());
    let place = 0;
    while (taken.has(place)) place++;
    return place;
  }
}
