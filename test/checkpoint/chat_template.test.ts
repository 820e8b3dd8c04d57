import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasChatTemplate, readChatTemplate } from '../../engine/checkpoint/chat_template.ts';
import { refusal, scratchFolder } from './write_files.ts';

const folder = scratchFolder();
let folders = 0;
function write(files: Record<string, string | object>): string {
  const made = path.join(folder, String(folders++));
  fs.mkdirSync(made);
  for (const [name, content] of Object.entries(files))
    fs.writeFileSync(path.join(made, name), typeof content === 'string' ? content : JSON.stringify(content));
  return made;
}
const config = (chat_template: unknown, more: object = {}) =>
  write({ 'tokenizer_config.json': { chat_template, ...more } });
const render = (source: string, message = 'Hi') => readChatTemplate(config(source)).render(message);

const TURNS = [
  '{%- for message in messages %}',
  "    {{- '<|im_start|>' + message['role'] + '\n' + message.content | trim + '<|im_end|>' + '\n' }}",
  '{%- endfor %}',
  "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}",
].join('\n');
const RENDERED = '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n';

describe('chat template', () => {
  it('is text, a list with a default, or a file, which goes first', () => {
    expect(render(TURNS)).toBe(RENDERED);
    const list = [
      { name: 'tool_use', template: 'no' },
      { name: 'default', template: TURNS },
    ];
    expect(readChatTemplate(config(list)).render('Hi')).toBe(RENDERED);
    const both = write({ 'chat_template.jinja': TURNS, 'tokenizer_config.json': { chat_template: 'no' } });
    expect(readChatTemplate(both).render('Hi')).toBe(RENDERED);
    expect([both, config(null), config('x'), write({})].map(hasChatTemplate)).toEqual([true, false, true, false]);
  });

  it('knows the special tokens, as text and as objects, from either file', () => {
    const source = '{{ bos_token }}[INST] {{ messages[0].content }} [/INST]{{ eos_token }}{{ nothing }}';
    const made = write({
      'tokenizer_config.json': { chat_template: source, bos_token: { content: '<s>', lstrip: false } },
      'special_tokens_map.json': { eos_token: '</s>', bos_token: 'other' },
    });
    expect(readChatTemplate(made).render('a {{ b }}')).toBe('<s>[INST] a {{ b }} [/INST]</s>');
  });

  it('can do what templates of released models do', () => {
    const source = [
      '{%- macro turn(role, text) -%}<{{ role }}>{{ text }}</{{ role }}>{%- endmacro -%}',
      "{%- set ns = namespace(first=true, text='') -%}",
      "{%- for m in messages if m.role != 'system' -%}{%- if loop.first -%}{%- set ns.first = false -%}{%- endif -%}",
      "{{- turn(m.role, m.content.replace('a', 'bb').split('<think>')[-1] | upper) -}}{%- endfor -%}",
      "{{- ' ' ~ (messages | length) ~ messages[0] | tojson -}}{{ range(3) | join(',') }}{{ strftime_now('%Y') | length }}",
    ].join('\n');
    expect(render(source, 'x<think>ya')).toBe('<user>YBB</user> 1{"role": "user", "content": "x<think>ya"}0,1,24');
  });

  it.each([
    ['says so itself', "{{ raise_exception('roles must\n alternate') }}", /roles must alternate/],
    ['is no template', '{% if %}', /chat template cannot be used/],
    [
      'never ends',
      '{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}',
      /goes on for too long/,
    ],
    ['counts far', '{% for a in range(10 ** 12) %}x{% endfor %}', /counts too far/],
    ['counts for ever', '{{ range(0, 10 ** 300) }}', /chat template cannot be used/],
    [
      'doubles text',
      "{% set ns = namespace(t='xxxx') %}{% for i in range(99) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}",
      /writes too much/,
    ],
    [
      'multiplies text',
      "{% set ns = namespace(t='xxxx') %}{% for i in range(16) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}{{ ns.t.replace('x', ns.t) }}",
      /writes too much/,
    ],
    [
      'multiplies by a filter',
      "{% set ns = namespace(t='xxxx') %}{% for i in range(16) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}{{ ns.t | replace('x', ns.t) }}",
      /writes too much/,
    ],
    ['indents far', "{{ 'a\n\nb' | indent(500000000) }}", /writes too much/],
    [
      'doubles a list',
      '{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}',
      /too long|writes too much/,
    ],
    ['holds itself', '{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}', /chat template cannot be used/],
    ['calls itself', '{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}', /chat template cannot be used/],
    ['nests deep', `{{ ${'('.repeat(20_000)}1${')'.repeat(20_000)} }}`, /chat template cannot be used/],
  ])('one that %s is refused in a sentence', (_, source, message) => {
    const said = refusal(() => render(source));
    expect(said).toMatch(/^tokenizer_config\.json: chat_template: /);
    expect(said).toMatch(message);
    expect(said).toMatch(/correct it, or run without --chat\.$/);
    expect(said).not.toContain('\n');
  });

  it.each([
    [config(3), /chat_template is neither text nor a list/],
    [config([{ name: 'rag', template: 'x' }]), /nor a list with one named "default"/],
    [config('x'.repeat(2 ** 18 + 1)), /262145 characters where 262144 are the most/],
    [write({ 'chat_template.jinja': 'x'.repeat(2 ** 18 + 1) }), /chat_template\.jinja: 262145 bytes/],
    [write({}), /has no chat template; leave chat off/],
  ])('%s', (made, message) => {
    expect(refusal(() => readChatTemplate(made))).toMatch(message);
  });
});
