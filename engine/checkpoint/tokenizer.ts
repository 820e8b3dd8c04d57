import { existsSync } from 'node:fs';
import path from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { EngineRefusal } from '../api.ts';
import { readJsonObject } from './files.ts';
import { runInTime } from './run_in_time.ts';
import { ByteLevelStream, type TokenStream, WindowStream } from './token_stream.ts';

export const TOKENIZER_NAME = 'tokenizer.json';
export const TOKENIZER_CONFIG_NAME = 'tokenizer_config.json';
/** Vocabularies of 256,000 words take about 35 MB. */
export const MOST_TOKENIZER_BYTES = 256 * 2 ** 20;

/** Patterns in a tokenizer.json can be written so that they never end. */
const PATIENCE_MS = 10_000;
const PATIENCE_MS_PER_CHARACTER = 0.1;

export type { TokenStream } from './token_stream.ts';

export interface TextTokenizer {
  /** Token ids, with the special tokens that the model's own tokenizer puts around a text. */
  encode(text: string): number[];
  /** Token ids of a text that has its special tokens in it, written out. */
  encodeRaw(text: string): number[];
  /** Decodes one sequence token by token. */
  stream(): TokenStream;
}

/** Tokens around a text. */
interface Frame {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * @param frame tokens to put around a text in place of those of the tokenizer's own template
 * @throws EngineRefusal where the folder has no tokenizer.json, or one that the tokenizer library does not take
 */
export function openTokenizer(folder: string, frame?: Frame): TextTokenizer {
  const definition = readJsonObject(path.join(folder, TOKENIZER_NAME), MOST_TOKENIZER_BYTES);
  const config = readTokenizerConfig(folder);
  let tokenizer: Tokenizer;
  try {
    tokenizer = new Tokenizer(definition, config);
  } catch (error) {
    throw unusable('it cannot be used', error);
  }
  const encodeWith = (text: string, add_special_tokens: boolean) =>
    inTime(() => tokenizer.encode(text, { add_special_tokens }).ids.filter(Number.isInteger), text.length);
  const encodeRaw = (text: string) => encodeWith(text, false);
  const around = frame ?? llamaFrame(config, (token) => tokenizer.token_to_id(token));
  const added = new Map(
    [...tokenizer.get_added_tokens_decoder()].map(([id, { content, special }]) => [id, { content, special }]),
  );
  const byteLevel = (definition.decoder as { type?: unknown } | null)?.type === 'ByteLevel';
  return {
    encode: (text) =>
      around === undefined ? encodeWith(text, true) : [...around.before, ...encodeRaw(text), ...around.after],
    encodeRaw,
    stream: () =>
      byteLevel
        ? new ByteLevelStream((id) => tokenizer.id_to_token(id), added)
        : new WindowStream((ids) => decode(tokenizer, ids)),
  };
}

/** Empty where the folder has none. */
export function readTokenizerConfig(folder: string): Readonly<Record<string, unknown>> {
  const file = path.join(folder, TOKENIZER_CONFIG_NAME);
  return existsSync(file) ? readJsonObject(file, MOST_TOKENIZER_BYTES) : {};
}

/**
 * Encodes with what a tokenizer.json asks for, which may be anything.
 * @throws EngineRefusal where that fails, or takes far longer than any text of the length does
 */
function inTime<T>(work: () => T, characters: number): T {
  try {
    return runInTime(work, PATIENCE_MS + characters * PATIENCE_MS_PER_CHARACTER);
  } catch (error) {
    throw unusable('a text cannot be read with it', error);
  }
}

function unusable(what: string, error: unknown): EngineRefusal {
  const reason = String((error as Error).message)
    .replace(/\s+/g, ' ')
    .slice(0, 200);
  return new EngineRefusal(`${TOKENIZER_NAME}: ${what} (${reason}); fetch it and ${TOKENIZER_CONFIG_NAME} again.`);
}

/**
 * Llama's tokenizer classes, which Mixtral, DeepSeek and PhiMoE name too, do not ask the template in tokenizer.json: they put the
 * first token before a text unless told otherwise, and the last one behind it only when told so.
 */
function llamaFrame(
  config: Readonly<Record<string, unknown>>,
  idOf: (token: string) => number | undefined,
): Frame | undefined {
  if (!/^(Code)?Llama(Tokenizer|TokenizerFast)$/.test(String(config.tokenizer_class))) return undefined;
  const ids = (token: unknown) => {
    const text = tokenText(token);
    const id = text === undefined ? undefined : idOf(text);
    return id === undefined ? [] : [id];
  };
  return {
    before: config.add_bos_token === false ? [] : ids('bos_token' in config ? config.bos_token : '<s>'),
    after: config.add_eos_token === true ? ids(config.eos_token) : [],
  };
}

/** A special token in a tokenizer's files: text, or an object with its content. @returns undefined for anything else */
export function tokenText(token: unknown): string | undefined {
  const content: unknown =
    typeof token === 'object' && token !== null ? (token as { content?: unknown }).content : token;
  return typeof content === 'string' ? content : undefined;
}

function decode(tokenizer: Tokenizer, ids: number[]): string {
  // Cleaning up spaces would take back a space already shown when the next token is a full stop.
  try {
    return ids.length === 0
      ? ''
      : tokenizer.decode(ids, { skip_special_tokens: true, clean_up_tokenization_spaces: false });
  } catch (error) {
    throw unusable('tokens cannot be written out with it', error);
  }
}
