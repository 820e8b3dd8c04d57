import { existsSync } from 'node:fs';
import path from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { EngineRefusal } from '../api.ts';
import { readJsonObject } from './files.ts';
import { ByteLevelStream, type TokenStream, WindowStream } from './token_stream.ts';

export const TOKENIZER_NAME = 'tokenizer.json';
const TOKENIZER_CONFIG_NAME = 'tokenizer_config.json';
/** Vocabularies of 256,000 words take about 35 MB. */
export const MOST_TOKENIZER_BYTES = 256 * 2 ** 20;

export type { TokenStream } from './token_stream.ts';

export interface TextTokenizer {
  /** Token ids, with the special tokens that the model's own tokenizer puts around a text. */
  encode(text: string): number[];
  /** Decodes one sequence token by token. */
  stream(): TokenStream;
}

/**
 * @param frame tokens to put around a text in place of those of the tokenizer's own template
 * @throws EngineRefusal where the folder has no tokenizer.json, or one that the tokenizer library does not take
 */
export function openTokenizer(
  folder: string,
  frame?: { readonly before: readonly number[]; readonly after: readonly number[] },
): TextTokenizer {
  const definition = readJsonObject(path.join(folder, TOKENIZER_NAME), MOST_TOKENIZER_BYTES);
  const configFile = path.join(folder, TOKENIZER_CONFIG_NAME);
  const config = existsSync(configFile) ? readJsonObject(configFile, MOST_TOKENIZER_BYTES) : {};
  let tokenizer: Tokenizer;
  try {
    tokenizer = new Tokenizer(definition, config);
  } catch (error) {
    throw new EngineRefusal(
      `${TOKENIZER_NAME}: it cannot be used (${(error as Error).message}); fetch it and ${TOKENIZER_CONFIG_NAME} again.`,
    );
  }
  const added = new Map(
    [...tokenizer.get_added_tokens_decoder()].map(([id, { content, special }]) => [id, { content, special }]),
  );
  const byteLevel = (definition.decoder as { type?: unknown } | null)?.type === 'ByteLevel';
  return {
    encode: (text) =>
      frame === undefined
        ? tokenizer.encode(text).ids
        : [...frame.before, ...tokenizer.encode(text, { add_special_tokens: false }).ids, ...frame.after],
    stream: () =>
      byteLevel
        ? new ByteLevelStream((id) => tokenizer.id_to_token(id), added)
        : new WindowStream((ids) => decode(tokenizer, ids)),
  };
}

function decode(tokenizer: Tokenizer, ids: number[]): string {
  // Cleaning up spaces would take back a space already shown when the next token is a full stop.
  return ids.length === 0
    ? ''
    : tokenizer.decode(ids, { skip_special_tokens: true, clean_up_tokenization_spaces: false });
}
