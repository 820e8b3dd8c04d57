import { existsSync } from 'node:fs';
import path from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { readJsonObject } from './json_file.ts';

/** Large vocabularies come to some 30 MB. */
const MOST_TOKENIZER_BYTES = 256 << 20;
const REPLACEMENT = '\ufffd';
/** A character is at most four bytes, so at most four byte-level tokens; one more settles what came before it. */
const HELD_TOKENS = 5;

/** Text of a growing sequence: gives out only what later tokens cannot change. */
export interface TokenStream {
  push(id: number): string;
  flush(): string;
}

export interface TextTokenizer {
  encode(text: string): number[];
  stream(): TokenStream;
}

/** tokenizer.json of a model folder. Special tokens are neither added nor shown. */
export function openTokenizer(folder: string): TextTokenizer {
  const config = existsSync(path.join(folder, 'tokenizer_config.json')) ? readJsonObject(folder, 'tokenizer_config.json', MOST_TOKENIZER_BYTES) : {};
  const tokenizer = new Tokenizer(readJsonObject(folder, 'tokenizer.json', MOST_TOKENIZER_BYTES), config);
  const decode = (ids: number[]) => (ids.length === 0 ? '' : tokenizer.decode(ids, { skip_special_tokens: true }));
  return {
    encode: (text) => tokenizer.encode(text, { add_special_tokens: false }).ids,
    stream: () => new WindowedStream(decode),
  };
}

/**
 * Decodes the last few tokens together and gives out the difference. A text that ends in a replacement character may be half a
 * character: it is held back until the next token, or until it is clear that none will complete it.
 */
class WindowedStream implements TokenStream {
  private window: number[] = [];
  private given = '';

  constructor(private readonly decode: (ids: number[]) => string) {}

  push(id: number): string {
    this.window.push(id);
    const text = this.decode(this.window);
    const held = text.endsWith(REPLACEMENT) && this.window.length < HELD_TOKENS * 2;
    if (held) return '';
    const piece = text.slice(this.given.length);
    if (this.window.length > HELD_TOKENS) {
      // The oldest settled tokens leave; the rest stay as context for decoders that look back (spaces, byte runs).
      this.window = this.window.slice(-1);
      this.given = this.decode(this.window);
    } else this.given = text;
    return piece;
  }

  flush(): string {
    const text = this.decode(this.window);
    const piece = text.slice(this.given.length);
    this.given = text;
    return piece;
  }
}
