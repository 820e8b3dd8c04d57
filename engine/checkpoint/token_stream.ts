/** Text of a sequence that grows by a token at a time: gives out only what later tokens cannot change. */
export interface TokenStream {
  /** @returns text completed by this token; empty inside a character, and for special tokens */
  push(id: number): string;
  /** @returns what was held back, a cut character as U+FFFD */
  flush(): string;
}

export interface AddedToken {
  readonly content: string;
  readonly special: boolean;
}

/**
 * Byte-level BPE (GPT-2 and its many descendants): each letter of a token stands for one byte, and a character's bytes may be
 * spread over tokens. Exactly the decoding of the whole sequence, at the cost of the new token alone.
 */
export class ByteLevelStream implements TokenStream {
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  constructor(
    private readonly letters: (id: number) => string | undefined,
    private readonly added: ReadonlyMap<number, AddedToken>,
  ) {}

  push(id: number): string {
    const added = this.added.get(id);
    if (added !== undefined) return added.special ? '' : this.flush() + added.content;
    const token = this.letters(id);
    // Ids beyond the tokenizer are rows that pad the embedding.
    if (token === undefined) return '';
    return this.decoder.decode(Uint8Array.from(token, letterByte), { stream: true });
  }

  flush(): string {
    return this.decoder.decode();
  }
}

/** Printable bytes stand for themselves; the others, in order, for the letters from U+0100 on. */
const BYTE_OF_LETTER = new Map<string, number>();
for (let byte = 0, other = 256; byte < 256; byte++) {
  const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  BYTE_OF_LETTER.set(String.fromCharCode(printable ? byte : other++), byte);
}

/** 0 for what no byte stands for, as the decoder of the whole sequence has it. */
function letterByte(letter: string): number {
  return BYTE_OF_LETTER.get(letter) ?? 0;
}

const REPLACEMENT = '\ufffd';
/** Single bytes that may stand one behind the other before a character is whole. */
const MOST_BYTES_OF_CHARACTER = 4;
/** Special tokens at a sequence's start that are kept as context; models write one or two. */
const MOST_SILENT_TOKENS = 8;

/**
 * Any other decoder, as a function of several tokens: decodes the newest few together with the one before them, because
 * decoders treat a sequence's first token differently (leading spaces). Text that ends in U+FFFD may be half a character and
 * is held back as long as one more byte could complete it.
 */
export class WindowStream implements TokenStream {
  /** Token already given out, for context. */
  private context: number[] = [];
  private pending: number[] = [];
  private begun = false;

  constructor(private readonly decode: (ids: number[]) => string) {}

  push(id: number): string {
    this.pending.push(id);
    const text = this.newText();
    if (text.endsWith(REPLACEMENT) && this.pending.length < MOST_BYTES_OF_CHARACTER) return '';
    return this.give(text);
  }

  flush(): string {
    return this.give(this.newText());
  }

  private newText(): string {
    return this.decode([...this.context, ...this.pending]).slice(this.decode(this.context).length);
  }

  private give(text: string): string {
    if (text !== '') this.context = this.pending;
    // Before the first text, tokens without any still count: one may be the leading space that decoders drop.
    else if (!this.begun && this.context.length < MOST_SILENT_TOKENS) this.context.push(...this.pending);
    this.begun ||= text !== '';
    this.pending = [];
    return text;
  }
}
