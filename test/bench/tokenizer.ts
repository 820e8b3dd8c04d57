import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openTokenizer } from '../../engine/checkpoint/tokenizer.ts';
import type { Bench, Figure } from './bench.ts';
import { interleave, median, pairedRatio, timed } from './statistics.ts';

const CHARACTERS = 40_000;

export const tokenizer: Bench = {
  id: 'tokenizer',
  title: 'Tokens per second into ids and back into text',
  figures: ['tokenizer.tokens_s', 'tokenizer.tokens_s.decode', 'tokenizer.open_ms'],
  async *run({ model }): AsyncGenerator<Figure> {
    let opened = openTokenizer(model);
    const text = ['english', 'code', 'french', 'technical']
      .map((name) => readFileSync(path.join(model, `samples/${name}.txt`), 'utf8').slice(0, CHARACTERS / 4))
      .join('\n');
    const lines = text.split(/(?<=\n)/);
    const ids = opened.encode(text);
    const samples = await interleave(
      {
        whole: () => timed(() => opened.encode(text)),
        lines: () => timed(() => lines.map((line) => opened.encode(line))),
        decode: () =>
          timed(() => {
            const stream = opened.stream();
            for (const id of ids) stream.push(id);
          }),
        open: () =>
          timed(() => {
            opened = openTokenizer(model);
          }),
      },
      { rounds: 7, warmUp: true },
    );
    const rate = (ms: readonly number[]) => (ids.length / median(ms)) * 1000;
    yield {
      id: 'tokenizer.tokens_s',
      value: rate(samples.whole),
      unit: 'tok/s',
      how: 'measured',
      detail: `${ids.length} tokens of the four samples as one text`,
      versus: { baseline: 'line by line', ratio: pairedRatio(samples.lines, samples.whole) },
    };
    yield {
      id: 'tokenizer.tokens_s.decode',
      value: rate(samples.decode),
      unit: 'tok/s',
      how: 'measured',
      detail: 'token by token, as text streams',
    };
    yield { id: 'tokenizer.open_ms', value: median(samples.open), unit: 'ms', how: 'measured' };
  },
};
