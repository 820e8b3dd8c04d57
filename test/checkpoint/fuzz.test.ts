import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readChatTemplate } from '../../engine/checkpoint/chat_template.ts';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { readConfig } from '../../engine/checkpoint/config.ts';
import { readGenerationDefaults } from '../../engine/checkpoint/generation.ts';
import { readLanguages } from '../../engine/checkpoint/languages.ts';
import { readSafetensorsHeader } from '../../engine/checkpoint/safetensors.ts';
import { openTokenizer } from '../../engine/checkpoint/tokenizer.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { DEFAULT_RUN, RunSettings } from '../../engine/protocol/settings.ts';
import { BYTE_LEVEL, SENTENCE_PIECE } from './tiny_tokenizers.ts';
import { accepts, fuzzRuns, safetensorsBytes, scratchFolder } from './write_files.ts';

/**
 * Files from the internet: whatever they hold, opening them works or refuses. Another error, a hang (the test's time limit)
 * or memory in proportion to what a file claims instead of what it has fails.
 */

const FIXTURES = 'test/fixtures';
const folder = scratchFolder();
const file = path.join(folder, 'model.safetensors');
const memoryBefore = process.memoryUsage().rss;
afterAll(() => {
  expect(process.memoryUsage().rss - memoryBefore).toBeLessThan(2 ** 30);
});

const hostileNumber = fc.oneof(
  fc.nat(16),
  fc.constantFrom(-1, -0, 0.5, 1e308, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 - 1, 2 ** 63),
  fc.maxSafeInteger(),
);
const hostileName = fc.oneof(
  fc.constantFrom('a', 'b', '', '__proto__', 'constructor', '__metadata__', 'toString', 'model.embed_tokens.weight'),
  fc.string({ unit: 'binary', maxLength: 12 }),
);
const anyJson = fc.jsonValue({ maxDepth: 3 });
const dtype = fc.constantFrom('F32', 'BF16', 'U8', 'I64', 'F4', 'toString', '', 3, null);
const tensor = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record(
      {
        dtype,
        shape: fc.array(hostileNumber, { maxLength: 4 }),
        data_offsets: fc.array(hostileNumber, { minLength: 1, maxLength: 3 }),
      },
      { requiredKeys: ['dtype'] },
    ),
  },
  { weight: 1, arbitrary: anyJson },
);
const header = fc.array(fc.tuple(hostileName, tensor), { maxLength: 5 });

/** Well-formed files, so that the checks after the first ones are reached too. */
const honest = fc.array(
  fc.tuple(
    hostileName,
    fc.constantFrom<['F32' | 'BF16' | 'U8', number]>(['F32', 4], ['BF16', 2], ['U8', 1]),
    fc.array(fc.nat(3), { maxLength: 3 }),
  ),
  { maxLength: 4 },
);

function honestFile(tensors: [string, [string, number], number[]][]): Buffer {
  let offset = 0;
  const entries = new Map<string, object>();
  for (const [name, [type, itemBytes], shape] of tensors) {
    if (entries.has(name) || name === '__metadata__') continue;
    const begin = offset;
    offset += shape.reduce((product, dim) => product * dim, itemBytes);
    entries.set(name, { dtype: type, shape, data_offsets: [begin, offset] });
  }
  return safetensorsBytes(Object.fromEntries(entries), offset);
}

function open(bytes: Uint8Array): boolean {
  fs.writeFileSync(file, bytes);
  return accepts(() => readSafetensorsHeader(file));
}

describe('opening files from the internet', () => {
  it('safetensors: any bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
        (bytes, length) => {
          open(length === null ? bytes : safetensorsBytes(Buffer.from(bytes).toString('latin1'), 0, length));
        },
      ),
      { numRuns: fuzzRuns(0.12) },
    );
  });

  it('safetensors: any header, any data', () => {
    fc.assert(
      fc.property(header, fc.nat(64), fc.boolean(), (entries, dataBytes, repeat) => {
        const fields = (repeat ? [...entries, ...entries] : entries).map(
          ([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`,
        );
        open(safetensorsBytes(`{${fields.join(',')}}`, dataBytes));
      }),
      { numRuns: fuzzRuns(0.2) },
    );
  });

  it('safetensors: good files open, and with one byte changed open or are refused', () => {
    fc.assert(
      fc.property(honest, fc.nat(), fc.nat(255), (tensors, at, byte) => {
        const bytes = honestFile(tensors);
        expect(open(bytes)).toBe(true);
        bytes[at % bytes.length] = byte;
        open(bytes);
        expect(open(bytes.subarray(0, bytes.length - 1))).toBe(false);
      }),
      { numRuns: fuzzRuns(0.12) },
    );
  });

  it('shard index: any names for any tensors', () => {
    const shardName = fc.oneof(
      fc.constantFrom('x.safetensors', '../x.safetensors', '/etc/passwd', 'none.safetensors', '..', 'x.safetensors/'),
      fc.string({ unit: 'binary' }),
      anyJson,
    );
    const sharded = path.join(folder, 'sharded');
    fs.mkdirSync(sharded);
    fs.writeFileSync(path.join(sharded, 'x.safetensors'), honestFile([['a', ['F32', 4], [2]]]));
    fs.writeFileSync(path.join(folder, 'x.safetensors'), honestFile([['a', ['F32', 4], [2]]]));
    const index = fc.oneof(
      fc
        .array(fc.tuple(hostileName, shardName), { maxLength: 4 })
        .map((pairs) => ({ weight_map: Object.fromEntries(pairs) })),
      anyJson,
    );
    fc.assert(
      fc.property(index, (value) => {
        fs.writeFileSync(path.join(sharded, 'model.safetensors.index.json'), JSON.stringify(value));
        const opened = accepts(() => openCheckpoint(sharded));
        expect(opened).toBe(JSON.stringify(value) === '{"weight_map":{"a":"x.safetensors"}}');
      }),
      { numRuns: fuzzRuns(0.1) },
    );
  });

  it('config of any family: any value under any key, any text', () => {
    const models = fs.readdirSync(FIXTURES).map((name) => {
      const made = path.join(folder, `config-${name}`);
      fs.mkdirSync(made);
      for (const file of ['model.safetensors', 'config.json'])
        fs.copyFileSync(path.join(FIXTURES, name, file), path.join(made, file));
      const good = JSON.parse(fs.readFileSync(path.join(made, 'config.json'), 'utf8'));
      return { made, good, checkpoint: openCheckpoint(made) };
    });
    const keys = ['rope_parameters', 'rope_scaling', 'layer_types', 'n_routed_experts', 'head_dim', '__proto__'];
    const drawn = fc.constantFrom(...models).chain(({ made, good, checkpoint }) => {
      const change = fc.tuple(fc.constantFrom(...Object.keys(good), ...keys), fc.oneof(anyJson, hostileNumber));
      const text = fc.oneof(
        {
          weight: 8,
          arbitrary: fc
            .array(change, { minLength: 1, maxLength: 2 })
            .map((pairs) => JSON.stringify({ ...good, ...Object.fromEntries(pairs) })),
        },
        { weight: 1, arbitrary: anyJson.map((value) => JSON.stringify(value)) },
        { weight: 1, arbitrary: fc.string() },
      );
      return text.map((content) => ({ made, content, checkpoint }));
    });
    fc.assert(
      fc.property(drawn, ({ made, content, checkpoint }) => {
        fs.writeFileSync(path.join(made, 'config.json'), content);
        accepts(() => readConfig(made));
        accepts(() => readGenerationDefaults(made));
        accepts(() => readModelSpec(made, checkpoint));
      }),
      { numRuns: fuzzRuns(0.2) },
    );
  });

  it('generation_config: any value under any key', () => {
    const made = path.join(folder, 'generation');
    fs.mkdirSync(made);
    fs.writeFileSync(path.join(made, 'config.json'), '{"eos_token_id":1}');
    const key = fc.constantFrom(
      ...['do_sample', 'temperature', 'top_k', 'top_p', 'repetition_penalty', 'eos_token_id', '__proto__'],
    );
    const value = fc.oneof(fc.boolean(), hostileNumber, fc.double(), anyJson);
    const content = fc.oneof(
      { weight: 6, arbitrary: fc.array(fc.tuple(key, value), { maxLength: 5 }).map(Object.fromEntries) },
      { weight: 1, arbitrary: anyJson },
    );
    fc.assert(
      fc.property(content, (given) => {
        fs.writeFileSync(path.join(made, 'generation_config.json'), JSON.stringify(given));
        accepts(() => {
          const { sampling } = readGenerationDefaults(made);
          // Whatever it asks for is a setting that a run may have.
          if (sampling !== undefined) expect(RunSettings.safeParse({ ...DEFAULT_RUN, ...sampling }).success).toBe(true);
        });
      }),
      { numRuns: fuzzRuns(0.1) },
    );
  });

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
