import { EngineRefusal } from '../api.ts';
import { readLanguages } from '../checkpoint/languages.ts';
import { openTokenizer, type TextTokenizer } from '../checkpoint/tokenizer.ts';
import type { ModelSpec } from '../families/spec.ts';
import type { ModelSummary } from '../protocol/model.ts';

/** The language that sources are in where the tokenizer knows several. */
const SOURCE_LANGUAGE = 'eng_Latn';

/** What an encoder-decoder needs around texts: how sources are framed, and what every decoder sequence begins with. */
export interface Translation {
  readonly startToken: number;
  /** Languages to translate into, by name; empty for a model that has none (Switch Transformers). */
  readonly targets: ReadonlyMap<string, number>;
}

/** @returns undefined for a language model */
export function readTranslation(folder: string, spec: ModelSpec): (Translation & { source?: number }) | undefined {
  if (spec.decoderStartToken === undefined) return undefined;
  const targets = new Map(readLanguages(folder));
  const source = targets.get(SOURCE_LANGUAGE);
  targets.delete(SOURCE_LANGUAGE);
  return { startToken: spec.decoderStartToken, targets, ...(source !== undefined && { source }) };
}

/**
 * The tokenizer with sources framed as the model was trained: [language] tokens [end]. The template inside tokenizer.json is not
 * asked, since files in circulation carry an older order.
 * @param endToken appended, where the model has one
 */
export function openSourceTokenizer(
  folder: string,
  translation: { readonly source?: number },
  endToken: number | undefined,
): TextTokenizer {
  const before = translation.source === undefined ? [] : [translation.source];
  const after = endToken === undefined ? [] : [endToken];
  return openTokenizer(folder, { before, after });
}

/**
 * Tokens that a decoder sequence begins with: the start token, then the target language, forced as the first token.
 * @throws EngineRefusal for a language that the model does not translate into
 */
export function decoderPrompt(
  model: ModelSummary,
  { startToken, targets }: Translation,
  target: string | undefined,
): number[] {
  if (target === undefined) return [startToken, ...[...targets.values()].slice(0, 1)];
  const token = targets.get(target);
  if (token !== undefined) return [startToken, token];
  throw new EngineRefusal(
    targets.size === 0
      ? `targetLanguage: ${model.name} knows no languages; leave it out.`
      : `targetLanguage: ${model.name} does not translate into "${target}"; choose ${listed([...targets.keys()])}.`,
  );
}

/** Hundreds of languages do not help in a sentence. */
function listed(names: readonly string[]): string {
  return names.length <= 12 ? names.join(', ') : `one of ${names.length}, such as ${names.slice(0, 3).join(', ')}`;
}
