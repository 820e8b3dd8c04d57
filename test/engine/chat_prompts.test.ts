import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readChatTemplate } from '../../engine/checkpoint/chat_template.ts';
import { openTokenizer } from '../../engine/checkpoint/tokenizer.ts';
import { openPrompts } from '../../engine/coordinator/prompts.ts';
import { refusal, scratchFolder } from '../checkpoint/write_files.ts';

const folder = scratchFolder();
fs.writeFileSync(`${folder}/chat_template.jinja`, '<|endoftext|>Question: {{ messages[0].content }}\nAnswer:');
const chat = readChatTemplate(folder);
const tokenizer = openTokenizer('models/demo-lm');
const model = { name: 'demo-lm', path: 'models/demo-lm', samples: ['english', 'code'] };
const text = 'the quick brown fox jumps over the lazy dog again and again';
const texts = { kind: 'texts' as const, texts: [text] };
const prompt = (promptTokens: number) =>
  openPrompts(model, tokenizer, { prompts: texts, promptCount: 1, promptTokens }, chat).take();

describe('prompts as messages', () => {
  it('are in the template whole, special tokens as tokens', () => {
    const { text: shown, tokens } = prompt(100);
    expect(shown).toBe(text);
    expect([...tokens]).toEqual([0, ...tokenizer.encodeRaw(`Question: ${text}\nAnswer:`)]);
  });

  it('are cut inside the template, never the template', () => {
    const whole = prompt(100).tokens.length;
    for (let most = whole - 1; most > whole - 8; most--) {
      const { text: shown, tokens } = prompt(most);
      expect(tokens.length).toBeLessThanOrEqual(most);
      expect(tokens.length).toBeGreaterThan(most - 3);
      expect(text.startsWith(shown)).toBe(true);
      expect([...tokens]).toEqual(tokenizer.encodeRaw(chat.render(shown)));
    }
  });

  it('are refused where the template alone is longer', () => {
    expect(refusal(() => prompt(3))).toMatch(
      /^promptTokens: the chat template alone has \d+ tokens where 3 are allowed/,
    );
  });

  it('are made of pieces of sample files too', () => {
    const source = { prompts: { kind: 'sample' as const, name: 'mixed' }, promptCount: 4, promptTokens: 24 };
    const queue = openPrompts(model, tokenizer, source, chat);
    for (let i = 0; i < 4; i++) expect(queue.take().tokens.length).toBeLessThanOrEqual(24);
  });
});
