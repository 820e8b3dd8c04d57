import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigReader, readConfig } from '../../engine/checkpoint/config.ts';
import { readGenerationDefaults } from '../../engine/checkpoint/generation.ts';
import { refusal, scratchFolder } from './write_files.ts';

const folder = scratchFolder();
const config = (values: Record<string, unknown>) => new ConfigReader('config.json', values);

function write(files: Record<string, unknown>): string {
  const made = fs.mkdtempSync(path.join(folder, 'model-'));
  for (const [name, value] of Object.entries(files)) {
    fs.writeFileSync(path.join(made, name), typeof value === 'string' ? value : JSON.stringify(value));
  }
  return made;
}

describe('ConfigReader', () => {
  it('reads the demo model', () => {
    const demo = readConfig('models/demo-lm');
    expect(demo.string('model_type')).toBe('olmoe');
    expect(demo.int('hidden_size', { min: 1 })).toBe(192);
    expect(demo.expertCount()).toBe(64);
    expect(demo.boolean('norm_topk_prob', false)).toBe(true);
    expect(demo.optionalNumber('clip_qkv')).toBeUndefined();
    expect(demo.section('rope_scaling')).toBeUndefined();
  });

  it('counts null as absent', () => {
    const reader = config({ head_dim: null, eos_token_id: null });
    expect(reader.int('head_dim', { default: 128 })).toBe(128);
    expect(reader.optionalInt('head_dim')).toBeUndefined();
    expect(reader.has('head_dim')).toBe(false);
    expect(reader.tokenIds('eos_token_id')).toBeUndefined();
    expect(refusal(() => reader.int('head_dim'))).toBe('config.json: head_dim is missing; fetch the file again.');
  });

  it.each([['num_experts'], ['num_local_experts'], ['n_routed_experts']])('finds the expert count under %s', (name) => {
    expect(config({ [name]: 8 }).expertCount()).toBe(8);
  });

  it('refuses no experts, and names that disagree', () => {
    expect(refusal(() => config({}).expertCount())).toMatch(/none of num_experts/);
    expect(refusal(() => config({ num_experts: 8, num_local_experts: 4 }).expertCount())).toMatch(/disagree \(8, 4\)/);
    expect(config({ num_experts: 8, num_local_experts: 8 }).expertCount()).toBe(8);
  });

  it('names the key in every refusal', () => {
    const bad = config({ a: 'x', b: 1.5, c: -1, d: {}, e: [1, 'x'], f: 2 ** 60, g: 3 });
    expect(refusal(() => bad.int('a'))).toMatch(/config\.json: a is "x" and must be a number/);
    expect(refusal(() => bad.int('b'))).toMatch(/b is 1\.5 and must be a whole number/);
    expect(refusal(() => bad.int('c', { min: 1 }))).toMatch(/c is -1 and must be at least 1/);
    expect(refusal(() => bad.int('f'))).toMatch(/f is .* and must be at most/);
    expect(refusal(() => bad.string('d'))).toMatch(/d is \{\} and must be a string/);
    expect(refusal(() => bad.boolean('a'))).toMatch(/a is "x" and must be true or false/);
    expect(refusal(() => bad.optionalNumbers('e'))).toMatch(/e is .* list of numbers/);
    expect(refusal(() => bad.section('e'))).toMatch(/e is .* must be an object/);
    expect(refusal(() => bad.tokenIds('e'))).toMatch(/e is .* token id/);
    expect(refusal(() => bad.only('a', ['silu']))).toMatch(/a is "x" and is not supported here; supported is silu/);
    expect(refusal(() => bad.multipleOf('g', 3, 2))).toMatch(/g is 3 and must be a multiple of 2/);
    expect(
      refusal(() =>
        config({ rope_scaling: { factor: 'x' } })
          .section('rope_scaling')
          ?.number('factor'),
      ),
    ).toMatch(/config\.json: rope_scaling: factor is "x"/);
  });

  it('is not fooled by names of the prototype', () => {
    expect(config({}).has('constructor')).toBe(false);
    const parsed = new ConfigReader('config.json', JSON.parse('{"__proto__":{"num_experts":8}}'));
    expect(parsed.has('num_experts')).toBe(false);
  });

  it('refuses files that are none', () => {
    expect(refusal(() => readConfig(write({})))).toMatch(/config\.json: there is no such file/);
    expect(refusal(() => readConfig(write({ 'config.json': '[1]' })))).toMatch(/no JSON object/);
    expect(refusal(() => readConfig(write({ 'config.json': `{"a":"${'x'.repeat(2 ** 20)}"}` })))).toMatch(
      /more than the 1048576/,
    );
  });
});

describe('generation config', () => {
  it('overrides config.json, key by key', () => {
    expect(readGenerationDefaults('models/demo-lm').endTokens).toEqual(new Set([0]));
    const both = write({
      'config.json': { eos_token_id: 2 },
      'generation_config.json': { eos_token_id: [5, 7], do_sample: true, temperature: 0.6, top_p: 0.95, top_k: 20 },
    });
    expect(readGenerationDefaults(both)).toEqual({
      endTokens: new Set([5, 7]),
      sampling: { temperature: 0.6, topP: 0.95, topK: 20 },
    });
    const silent = write({ 'config.json': { eos_token_id: [2, 3] }, 'generation_config.json': { eos_token_id: null } });
    expect(readGenerationDefaults(silent)).toEqual({ endTokens: new Set([2, 3]) });
    expect(readGenerationDefaults(write({ 'config.json': {} })).endTokens).toEqual(new Set());
    expect(refusal(() => readGenerationDefaults(write({ 'config.json': { eos_token_id: 'x' } })))).toMatch(
      /eos_token_id is "x"/,
    );
  });

  it.each<[object, object | undefined]>([
    [{ do_sample: true }, { temperature: 1, topK: 50, topP: 1 }],
    [
      { do_sample: true, top_k: 0, repetition_penalty: 1.1 },
      { temperature: 1, topK: 0, topP: 1, repetitionPenalty: 1.1 },
    ],
    [{ do_sample: false, temperature: 0.6 }, { temperature: 0 }],
    // As transformers has it: without do_sample the file asks for nothing.
    [{ temperature: 0.6, top_k: 5, repetition_penalty: 1 }, undefined],
    [{ repetition_penalty: 1.2 }, { repetitionPenalty: 1.2 }],
  ])('%j asks for %j', (file, sampling) => {
    expect(readGenerationDefaults(write({ 'config.json': {}, 'generation_config.json': file })).sampling).toEqual(
      sampling,
    );
  });

  it.each<[object, RegExp]>([
    [{ do_sample: 1 }, /generation_config\.json: do_sample is 1 and must be true or false; correct it/],
    [{ do_sample: true, temperature: -1 }, /temperature is -1 and must be at least 0/],
    [{ do_sample: true, top_p: 0 }, /top_p is 0 and must be at least/],
    [{ do_sample: true, top_k: 1.5 }, /top_k is 1\.5 and must be a whole number/],
    [{ repetition_penalty: 11 }, /repetition_penalty is 11 and must be at most 10/],
  ])('refuses %j', (file, message) => {
    const made = write({ 'config.json': {}, 'generation_config.json': file });
    expect(refusal(() => readGenerationDefaults(made))).toMatch(message);
  });
});
