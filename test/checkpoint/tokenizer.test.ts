import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { openTensorFile } from '../../engine/checkpoint/checkpoint.ts';
import { ByteLevelStream, WindowStream } from '../../engine/checkpoint/token_stream.ts';
import { openTokenizer, type TextTokenizer, type TokenStream } from '../../engine/checkpoint/tokenizer.ts';
import { SENTENCE_PIECE } from './tiny_tokenizers.ts';
import { refusal, scratchFolder } from './write_files.ts';

const folder = scratchFolder();
const MODEL = 'models/demo-lm';
const SAMPLES = ['english', 'code', 'french', 'technical'];
let tokenizer: TextTokenizer;
beforeAll(() => {
  tokenizer = openTokenizer(MODEL);
});

const sample = (name: string) => fs.readFileSync(path.join(MODEL, 'samples', `${name}.txt`), 'utf8');
const pieces = (stream: TokenStream, ids: readonly number[]) => [...ids.map((id) => stream.push(id)), stream.flush()];

describe('tokenizer of the demo model', () => {
  it.each(SAMPLES)('gives the reference ids for %s', (name) => {
    const reference = openTensorFile(`${MODEL}/reference.safetensors`);
    const wanted = [...reference.readInt32(`${name}.input_ids`)];
    reference.close();
    expect(tokenizer.encode(sample(name).slice(0, 2000)).slice(0, wanted.length)).toEqual(wanted);
  });

  it.each(SAMPLES)('streams %s back as it was', (name) => {
    const text = sample(name);
    const streamed = pieces(tokenizer.stream(), tokenizer.encode(text));
    expect(streamed.join('')).toBe(text);
    expect(streamed.at(-1)).toBe('');
  });

  it('streams any text without showing half a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        fc.pre(!text.includes('<|'));
        const streamed = pieces(tokenizer.stream(), tokenizer.encode(text));
        expect(streamed.join('')).toBe(text);
        if (!text.includes('\ufffd')) for (const piece of streamed) expect(piece).not.toContain('\ufffd');
      }),
      { numRuns: 200 },
    );
  });

  it('shows a character with its last byte, and a cut one as U+FFFD', () => {
    const ids = tokenizer.encode('😀');
    expect(ids.length).toBeGreaterThan(1);
    const stream = tokenizer.stream();
    expect(ids.map((id) => stream.push(id))).toEqual([...ids.slice(1).map(() => ''), '😀']);
    const cut = tokenizer.stream();
    expect(cut.push(ids[0] as number)).toBe('');
    expect(cut.flush()).toBe('\ufffd');
    // And goes on after it.
    expect(
      tokenizer
        .encode('ab')
        .map((id) => cut.push(id))
        .join(''),
    ).toBe('ab');
  });

  it('decodes any ids, shows no special tokens, and ignores ids beyond the vocabulary', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4000 })), (ids) => {
        const text = pieces(tokenizer.stream(), ids).join('');
        expect(text).not.toContain('endoftext');
        expect(text).toBe(
          pieces(
            tokenizer.stream(),
            ids.filter((id) => id !== 0 && id < 3584),
          ).join(''),
        );
      }),
      { numRuns: 100 },
    );
  });
});

describe('ByteLevelStream', () => {
  it('gives added tokens that are not special as they are, after what was open', () => {
    const letters = ['Ċ', 'Ġa', 'ð'];
    const added = new Map([
      [3, { content: '<tool>', special: false }],
      [4, { content: '<end>', special: true }],
    ]);
    const stream = new ByteLevelStream((id) => letters[id], added);
    expect([0, 1, 2, 3, 4].map((id) => stream.push(id))).toEqual(['\n', ' a', '', '\ufffd<tool>', '']);
  });
});

describe('WindowStream', () => {
  // A SentencePiece-like tokenizer with byte fallback, as its whole-sequence decoder would have it: "▁" is a space, the first
  // space of a text is dropped, runs of byte tokens are decoded together.
  const words = ['▁the', '▁a', 'b', '▁', '<s>', '.'];
  const decode = (ids: number[]) => {
    let bytes: number[] = [];
    let text = '';
    const flushBytes = () => {
      text += new TextDecoder().decode(Uint8Array.from(bytes));
      bytes = [];
    };
    for (const id of ids) {
      if (id >= 256) {
        flushBytes();
        const word = words[id - 256] ?? '';
        if (word !== '<s>') text += word.replace('▁', ' ');
      } else bytes.push(id);
    }
    flushBytes();
    return text.startsWith(' ') ? text.slice(1) : text;
  };
  const word = fc.integer({ min: 256, max: 261 }).map((id) => [id]);
  const character = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 1 })
    .filter((c) => c !== '\ufffd' && c !== '\ufeff')
    .map((c) => [...new TextEncoder().encode(c)]);

  it('gives what decoding the whole sequence gives', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(word, character)), (tokens) => {
        const ids = tokens.flat();
        const streamed = pieces(new WindowStream(decode), ids);
        expect(streamed.join('')).toBe(decode(ids));
        for (const piece of streamed) expect(piece).not.toContain('\ufffd');
      }),
      { numRuns: 300 },
    );
  });

  it('does not hold back for ever what never becomes a character', () => {
    const stream = new WindowStream(decode);
    const given = Array.from({ length: 12 }, () => stream.push(0xff)).join('');
    expect(given.length).toBeGreaterThanOrEqual(8);
  });
});

describe('openTokenizer', () => {
  it('refuses what is no tokenizer', () => {
    const make = (content: string) => {
      const made = fs.mkdtempSync(path.join(folder, 'tok-'));
      fs.writeFileSync(path.join(made, 'tokenizer.json'), content);
      return made;
    };
    expect(refusal(() => openTokenizer(folder))).toMatch(/tokenizer\.json: there is no such file/);
    expect(refusal(() => openTokenizer(make('{')))).toMatch(/not valid JSON/);
    expect(refusal(() => openTokenizer(make('{}')))).toMatch(/tokenizer\.json: it cannot be used/);
  });
});

describe('a SentencePiece tokenizer with byte fallback', () => {
  const open = (config: object) => {
    const made = fs.mkdtempSync(path.join(folder, 'spm-'));
    fs.writeFileSync(path.join(made, 'tokenizer.json'), JSON.stringify(SENTENCE_PIECE));
    fs.writeFileSync(path.join(made, 'tokenizer_config.json'), JSON.stringify(config));
    return openTokenizer(made);
  };

  it('streams characters whole, never a half', () => {
    const own = open({});
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', ' ', 'é', '漢', '😀', '\n'), { maxLength: 12 }), (letters) => {
        const text = `b${letters.join('')}`;
        const streamed = pieces(own.stream(), own.encode(text));
        expect(streamed.join('')).toBe(text);
        for (const piece of streamed) expect(piece).not.toContain('\ufffd');
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    [{}, [], []],
    [{ tokenizer_class: 'PreTrainedTokenizerFast', bos_token: '<s>', add_bos_token: true }, [], []],
    [{ tokenizer_class: 'LlamaTokenizerFast', bos_token: { content: '<s>' } }, [1], []],
    [{ tokenizer_class: 'LlamaTokenizer' }, [1], []],
    [{ tokenizer_class: 'LlamaTokenizer', bos_token: null }, [], []],
    [{ tokenizer_class: 'LlamaTokenizerFast', add_bos_token: false, add_eos_token: true, eos_token: '</s>' }, [], [2]],
  ])('%j puts %j before a text and %j behind it', (config, before, after) => {
    const own = open(config);
    expect(own.encode('b')).toEqual([...before, ...own.encodeRaw('b'), ...after]);
  });
});
