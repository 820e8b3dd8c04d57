import { existsSync } from 'node:fs';
import path from 'node:path';
import { readJsonObject } from './files.ts';
import { MOST_TOKENIZER_BYTES, TOKENIZER_NAME } from './tokenizer.ts';

/** Languages as translation models name them: ISO 639-3 and script, such as `eng_Latn`. */
const LANGUAGE = /^[a-z]{3}_[A-Z][a-z]{3}$/;

/** Tokens that name a language, by name, in the order of their ids; none where the folder has no tokenizer or it has none. */
export function readLanguages(folder: string): ReadonlyMap<string, number> {
  const file = path.join(folder, TOKENIZER_NAME);
  if (!existsSync(file)) return new Map();
  const { added_tokens: added } = readJsonObject(file, MOST_TOKENIZER_BYTES);
  const found: [string, number][] = [];
  for (const token of Array.isArray(added) ? (added as unknown[]) : []) {
    const { id, content } = (token ?? {}) as { id?: unknown; content?: unknown };
    if (typeof content === 'string' && typeof id === 'number' && LANGUAGE.test(content)) found.push([content, id]);
  }
  return new Map(found.sort((a, b) => a[1] - b[1]));
}
