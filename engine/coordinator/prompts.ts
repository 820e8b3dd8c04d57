import { readFileSync } from 'node:fs';
import path from 'node:path';
import { EngineRefusal } from '../api.ts';
import type { ChatTemplate } from '../checkpoint/chat_template.ts';
import type { TextTokenizer } from '../checkpoint/tokenizer.ts';
import type { ModelSummary } from '../protocol/model.ts';
import type { RunSettings } from '../protocol/settings.ts';
import { SamplePieces } from './sample_pieces.ts';

export interface Prompt {
  readonly text: string;
  readonly tokens: Int32Array;
}

/** Prompts in order, made when they are taken: tokenizing all of a long run's would delay its first token. */
export interface PromptQueue {
  readonly total: number;
  /** The next one; asked `total` times at most. */
  take(): Prompt;
}

type Source = Pick<RunSettings, 'prompts' | 'promptCount' | 'promptTokens'>;

/** An encoder-decoder's prompts are sources: lines of text, whose last token ends them. */
type Model = Pick<ModelSummary, 'name' | 'path' | 'samples' | 'encoderLayers'>;

/** Tries at cutting a message to length: tokens at a cut may come out otherwise, by a few. */
const MOST_CUTS = 8;

/**
 * The run's prompts. Given texts are cut at `promptTokens`; sample files are cut into pieces of that length, from their start,
 * or into their lines where the model reads sources; `mixed` takes one piece from each file in turn. A source that runs out is
 * used again from its start.
 * @param chat each prompt is put to the model as a message in this template; the message is cut, the template stays whole
 */
export function openPrompts(model: Model, tokenizer: TextTokenizer, source: Source, chat?: ChatTemplate): PromptQueue {
  const { prompts, promptCount: total, promptTokens } = source;
  const ends = model.encoderLayers !== undefined;
  const sources =
    prompts.kind === 'texts'
      ? [textSource(tokenizer, prompts.texts, promptTokens, ends)]
      : sampleNames(model, prompts.name).map((name) => {
          const text = readFileSync(path.join(model.path, 'samples', `${name}.txt`), 'utf8');
          if (ends) return textSource(tokenizer, text.split('\n').filter(Boolean), promptTokens, ends);
          const pieces = new SamplePieces(text, tokenizer, promptTokens);
          return () => pieces.take();
        });
  let taken = 0;
  const next = () => (sources[taken++ % sources.length] as () => Prompt)();
  return { total, take: chat === undefined ? next : () => message(chat, tokenizer, next().text, promptTokens) };
}

/** @throws EngineRefusal where the template alone has more tokens than a prompt may have */
function message(chat: ChatTemplate, tokenizer: TextTokenizer, text: string, most: number): Prompt {
  const encode = (part: string) => tokenizer.encodeRaw(chat.render(part));
  let kept = text;
  for (let cut = 0; cut < MOST_CUTS; cut++) {
    const ids = encode(kept);
    // Shown as it was written: the template is the model's business, and its special tokens have no text.
    if (ids.length <= most) return { text: kept, tokens: Int32Array.from(ids) };
    const own = tokenizer.encodeRaw(kept);
    kept = decode(tokenizer, Int32Array.from(own.slice(0, Math.max(0, own.length - (ids.length - most)))));
  }
  throw new EngineRefusal(
    `promptTokens: the chat template alone has ${encode('').length} tokens where ${most} are allowed; raise promptTokens above that.`,
  );
}

function textSource(tokenizer: TextTokenizer, texts: readonly string[], most: number, ends: boolean): () => Prompt {
  const usable = texts.filter((text) => tokenizer.encode(text.slice(0, 64)).length > 0);
  if (usable.length === 0)
    throw new EngineRefusal('prompts: no prompt has a token in it; give at least one that is not empty.');
  let next = 0;
  return () => {
    const text = usable[next++ % usable.length] as string;
    const ids = tokenizer.encode(text);
    if (ids.length <= most) return { text, tokens: Int32Array.from(ids) };
    const last = ends ? ids.slice(-1) : [];
    const tokens = Int32Array.from([...ids.slice(0, most - last.length), ...last]);
    return { text: decode(tokenizer, tokens), tokens };
  };
}

function sampleNames(model: Model, name: string): readonly string[] {
  if (model.samples.length === 0) {
    throw new EngineRefusal(`${model.name}/samples: the folder has no .txt files; give prompts as text.`);
  }
  if (name === 'mixed') return model.samples;
  if (model.samples.includes(name)) return [name];
  throw new EngineRefusal(
    `prompts: ${model.name} has no sample "${name}"; choose one of ${model.samples.join(', ')} or mixed.`,
  );
}

export function decode(tokenizer: TextTokenizer, tokens: Int32Array): string {
  const stream = tokenizer.stream();
  let text = '';
  for (const token of tokens) text += stream.push(token);
  return text + stream.flush();
}
