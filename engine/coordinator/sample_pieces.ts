import { EngineRefusal } from '../api.ts';
import type { TextTokenizer } from '../checkpoint/tokenizer.ts';
import { decode, type Prompt } from './prompts.ts';

/** Text is tokenized in blocks of about this many characters, cut behind a line: some milliseconds each. */
const BLOCK_CHARACTERS = 2048;

/** A sample text as pieces of equal length in tokens, tokenized as far as pieces were taken; begins again at its end. */
export class SamplePieces {
  private ids: number[] = [];
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly tokenizer: TextTokenizer,
    private readonly pieceTokens: number,
  ) {
    if (text.trim() === '')
      throw new EngineRefusal('samples: a sample file is empty; remove it or write text into it.');
  }

  take(): Prompt {
    while (this.ids.length < this.pieceTokens) this.ids.push(...this.tokenizer.encode(this.nextBlock()));
    const tokens = Int32Array.from(this.ids.splice(0, this.pieceTokens));
    return { text: decode(this.tokenizer, tokens), tokens };
  }

  private nextBlock(): string {
    if (this.at >= this.text.length) this.at = 0;
    const from = this.at;
    const newline = this.text.indexOf('\n', from + BLOCK_CHARACTERS);
    this.at = newline === -1 ? this.text.length : newline + 1;
    return this.text.slice(from, this.at);
  }
}
