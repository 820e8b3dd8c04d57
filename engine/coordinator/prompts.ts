import { readFileSync } from 'node:fs';
import path from 'node:path';
import { EngineRefusal } from '../api.ts';
import type { TextTokenizer } from '../checkpoint/tokenizer.ts';
import type { ModelSummary } from '../protocol/model.ts';
import type { RunSettings } from '../protocol/settings.ts';
import type { Prompt } from './scheduler.ts';

type Source = Pick<RunSettings, 'prompts' | 'promptCount' | 'promptTokens'>;

/**
 * The run's prompts as tokens. Given texts are cut at `promptTokens`; sample files are cut into pieces of that length, from
 * their start; `mixed` takes one piece from each file in turn. A source that runs out is used again from its start.
 */
export function readPrompts(model: ModelSummary, tokenizer: TextTokenizer, { prompts, promptCount, promptTokens }: Source): Prompt[] {
  const pieces = prompts.kind === 'texts' ? prompts.texts.map((text) => encodeText(tokenizer, text, promptTokens)) : readSamples(model, tokenizer, prompts.name, promptTokens, promptCount);
  const usable = pieces.filter((piece) => piece.tokens.length > 0);
  if (usable.length === 0) throw new EngineRefusal('prompts: no prompt has a token in it; give at least one that is not empty.');
  return Array.from({ length: promptCount }, (_, index) => usable[index % usable.length] as Prompt);
}

function encodeText(tokenizer: TextTokenizer, text: string, most: number): Prompt {
  const ids = tokenizer.encode(text);
  if (ids.length <= most) return { text, tokens: Int32Array.from(ids) };
  const tokens = Int32Array.from(ids.slice(0, most));
  return { text: decode(tokenizer, tokens), tokens };
}

function readSamples(model: ModelSummary, tokenizer: TextTokenizer, name: string, pieceTokens: number, count: number): Prompt[] {
  const names = name === 'mixed' ? model.samples : [name];
  if (names.length === 0) throw new EngineRefusal(`${model.name}/samples: the folder has no .txt files; give prompts as text.`);
  const perFile = Math.ceil(count / names.length);
  const byFile = names.map((sample) => {
    if (!model.samples.includes(sample)) {
      throw new EngineRefusal(`prompts: ${model.name} has no sample "${sample}"; choose one of ${model.samples.join(', ')} or mixed.`);
    }
    const text = readFileSync(path.join(model.path, 'samples', `${sample}.txt`), 'utf8');
    // A token is rarely longer than 16 characters: enough text for the pieces wanted, not the whole file for a few.
    const ids = tokenizer.encode(text.slice(0, perFile * pieceTokens * 16));
    const pieces: Prompt[] = [];
    for (let from = 0; from + pieceTokens <= ids.length && pieces.length < perFile; from += pieceTokens) {
      const tokens = Int32Array.from(ids.slice(from, from + pieceTokens));
      pieces.push({ text: decode(tokenizer, tokens), tokens });
    }
    return pieces.length > 0 ? pieces : [encodeText(tokenizer, text, pieceTokens)];
  });
  const longest = Math.max(...byFile.map((pieces) => pieces.length));
  const dealt: Prompt[] = [];
  for (let index = 0; index < longest; index++) dealt.push(...byFile.flatMap((pieces) => pieces[index] ?? []));
  return dealt;
}

function decode(tokenizer: TextTokenizer, tokens: Int32Array): string {
  const stream = tokenizer.stream();
  let text = '';
  for (const token of tokens) text += stream.push(token);
  return text + stream.flush();
}
