import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readChatTemplate } from '../../engine/checkpoint/chat_template.ts';
import { readLanguages } from '../../engine/checkpoint/languages.ts';
import { openTokenizer } from '../../engine/checkpoint/tokenizer.ts';
import { anyJson, hostileNumber } from './hostile_values.ts';
import { BYTE_LEVEL, SENTENCE_PIECE } from './tiny_tokenizers.ts';
import { accepts, fuzzRuns, scratchFolder } from './write_files.ts';

/**
 * Files from the internet: whatever they hold, opening them works or refuses. Another error, a hang (the test's time limit)
 * or memory in proportion to what a file claims instead of what it has fails.
 */

const folder = scratchFolder();
const memoryBefore = process.memoryUsage().rss;
afterAll(() => {
  expect(process.memoryUsage().rss - memoryBefore).toBeLessThan(2 ** 30);
});

describe('tokenizers and templates from the internet', () => {
  it('tokenizer: any part of it replaced, any text', () => {
    const made = path.join(folder, 'tokenizer');
    fs.mkdirSync(made);
    const bases = [BYTE_LEVEL, SENTENCE_PIECE];
    const part = fc.constantFrom('model', 'normalizer', 'pre_tokenizer', 'post_processor', 'decoder', 'added_tokens');
    const inner = fc.constantFrom(
      'type',
      'vocab',
      'merges',
      'pattern',
      'normalizers',
      'decoders',
      'unk_token',
      'content',
    );
    const step = fc.record({
      type: fc.constantFrom(
        'Replace',
        'Split',
        'ByteLevel',
        'Metaspace',
        'TemplateProcessing',
        'BPE',
        'Unigram',
        'NFC',
        'x',
      ),
      pattern: fc.oneof(fc.record({ Regex: fc.constantFrom('(a+)+$', '(', '[', '.', '') }), anyJson),
      content: fc.oneof(fc.string(), anyJson),
    });
    const change = fc.tuple(part, fc.option(inner), fc.oneof(step, anyJson, hostileNumber));
    const config = fc.oneof(
      fc.record({ tokenizer_class: fc.constantFrom('LlamaTokenizer', 'x'), bos_token: fc.oneof(fc.string(), anyJson) }),
      anyJson,
    );
    fc.assert(
      fc.property(
        fc.nat(1),
        fc.array(change, { maxLength: 2 }),
        config,
        fc.string({ maxLength: 24 }),
        (base, changes, given, text) => {
          const definition = structuredClone(bases[base]) as unknown as Record<string, Record<string, unknown>>;
          for (const [name, field, value] of changes) {
            const held = definition[name];
            if (field === null || typeof held !== 'object' || held === null) definition[name] = value as never;
            else held[field] = value;
          }
          fs.writeFileSync(path.join(made, 'tokenizer.json'), JSON.stringify(definition));
          fs.writeFileSync(path.join(made, 'tokenizer_config.json'), JSON.stringify(given));
          accepts(() => readLanguages(made));
          accepts(() => {
            const tokenizer = openTokenizer(made);
            const ids = tokenizer.encode(text);
            for (const id of ids) expect(Number.isInteger(id)).toBe(true);
            const stream = tokenizer.stream();
            for (const id of [...ids, 0, 1, 299, 300]) stream.push(id);
            stream.flush();
          });
        },
      ),
      { numRuns: fuzzRuns(0.08) },
    );
  });

  it('chat template: any order of what templates are made of', () => {
    const made = path.join(folder, 'template');
    fs.mkdirSync(made);
    const piece = fc.constantFrom(
      ...['{% for m in messages %}', '{% endfor %}', '{% if x %}', '{% else %}', '{% endif %}', '{{', '}}', '{%', '%}'],
      ...[
        '{{ messages | tojson(indent=99999999) }}',
        '{{ range(10 ** 9) }}',
        '{% set x = x ~ x %}',
        '{% set x = messages %}',
      ],
      ...[
        "{% set ns = namespace(x='abcdefgh') %}",
        '{% set ns.x = ns.x ~ ns.x %}',
        '{% set ns.x = [ns.x, ns.x] %}',
        '{{ ns.x }}',
      ],
      ...[
        '{% for i in range(3000) %}',
        "{{ ns.x.replace('a', ns.x) }}",
        '{{ ns.x | join(ns.x) }}',
        '{% macro f(a) %}',
        '{{ f(f) }}',
      ],
      ...[
        '{% endmacro %}',
        '{{ bos_token }}',
        '{{ raise_exception("no") }}',
        '{% break %}',
        '{# c #}',
        '-',
        '(',
        '[',
        '"',
      ],
    );
    const source = fc.array(fc.oneof({ weight: 6, arbitrary: piece }, { weight: 1, arbitrary: fc.string() }), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(source, fc.string(), (pieces, message) => {
        fs.writeFileSync(path.join(made, 'chat_template.jinja'), pieces.join(''));
        accepts(() => expect(readChatTemplate(made).render(message).length).toBeLessThanOrEqual(2 ** 25));
      }),
      { numRuns: fuzzRuns(0.08) },
    );
  });
});
