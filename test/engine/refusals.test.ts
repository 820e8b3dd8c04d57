import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openModel } from '../../engine/coordinator/open_model.ts';
import { RunSettings } from '../../engine/protocol/settings.ts';
import { refusal, safetensorsBytes, scratchFolder } from '../checkpoint/write_files.ts';
import { runTiny, TINY } from './tiny_run.ts';

/**
 * What design calls refused input, from a model folder as a whole: one sentence each, which names the file, what is wrong in it, and what
 * to do. Nothing else may come out, and nothing may be opened.
 */
const folder = scratchFolder();
const FIXTURE = 'test/fixtures/olmoe';
const HEADER = readHeader();
let folders = 0;

function readHeader(): Record<string, { dtype: string; shape: number[]; data_offsets: number[] }> {
  const bytes = fs.readFileSync(path.join(FIXTURE, 'model.safetensors'));
  const { __metadata__: _, ...tensors } = JSON.parse(
    bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString(),
  );
  return tensors;
}

/** The fixture with the demo model's tokenizer, and files of its own in place of those. */
function folderWith(files: Record<string, string | Uint8Array | object>, without: readonly string[] = []): string {
  const made = path.join(folder, `model-${folders++}`);
  fs.mkdirSync(made);
  for (const [from, name] of [
    [FIXTURE, 'config.json'],
    [FIXTURE, 'model.safetensors'],
    ['models/demo-lm', 'tokenizer.json'],
  ] as const)
    if (!without.includes(name)) fs.copyFileSync(path.join(from, name), path.join(made, name));
  for (const [name, content] of Object.entries(files)) {
    const bytes = typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content);
    fs.writeFileSync(path.join(made, name), bytes);
  }
  return made;
}

const config = (change: object) => ({
  'config.json': { ...JSON.parse(fs.readFileSync(path.join(FIXTURE, 'config.json'), 'utf8')), ...change },
});

/** The fixture's file with another header over as much data as that asks for. */
function header(change: (header: typeof HEADER) => void): { 'model.safetensors': Uint8Array } {
  const changed = structuredClone(HEADER);
  change(changed);
  const end = Math.max(...Object.values(changed).map(({ data_offsets: [, last = 0] }) => last));
  return { 'model.safetensors': safetensorsBytes(changed, end) };
}

const [LAST] = Object.entries(HEADER).sort(([, a], [, b]) => (b.data_offsets[0] ?? 0) - (a.data_offsets[0] ?? 0)) as [
  [string, (typeof HEADER)[string]],
];

describe('a model folder', () => {
  it('opens as it is', () => {
    expect(openModel(folderWith({})).summary.family).toBe('olmoe');
  });

  it.each<[string, () => string, RegExp]>([
    [
      'a missing tensor',
      () => folderWith(header((h) => delete h[LAST[0]])),
      /config\.json: it calls for a tensor "model\..*", and the checkpoint has no tensor/,
    ],
    [
      'a wrong shape',
      () =>
        folderWith(
          header((h) => {
            const table = h['model.embed_tokens.weight'] as { shape: number[] };
            table.shape = [table.shape.reduce((product, dim) => product * dim)];
          }),
        ),
      /model\.safetensors.*\[/,
    ],
    [
      'overlapping offsets',
      () =>
        folderWith(
          header((h) => {
            const entry = h[LAST[0]] as { data_offsets: number[] };
            entry.data_offsets = entry.data_offsets.map((at) => at - 4);
          }),
        ),
      /model\.safetensors: tensor ".*" overlaps/,
    ],
    ['an unknown architecture', () => folderWith(config({ model_type: 'llama' })), /config\.json: model_type "llama"/],
    [
      'a path in a shard name',
      () => folderWith({ 'model.safetensors.index.json': { weight_map: { a: '../x.safetensors' } } }),
      /index\.json: weight_map sends "a" to "\.\.\/x\.safetensors"/,
    ],
    [
      'a header over the limit',
      () => folderWith({ 'model.safetensors': safetensorsBytes('{}', 0, 100_000_001n) }),
      /model\.safetensors: the header would have 100000001 bytes where 100000000 are the most/,
    ],
    ['no tokenizer', () => folderWith({}, ['tokenizer.json']), /tokenizer\.json: there is no such file/],
    ['a bad tokenizer', () => folderWith({ 'tokenizer.json': { model: 3 } }), /tokenizer\.json: it cannot be used/],
    [
      'a bad generation_config',
      () => folderWith({ 'generation_config.json': { do_sample: true, top_p: 2 } }),
      /generation_config\.json: top_p is 2 and must be at most 1/,
    ],
    ['a size out of range', () => folderWith(config({ num_experts: 0 })), /config\.json: num_experts is 0/],
  ])('with %s is refused in a sentence', (_, make, message) => {
    const said = refusal(() => openModel(make()));
    expect(said).toMatch(message);
    expect(said).toMatch(/[;,] .*(fetch|choose|correct|convert|do not trust|it runs).*\.$/);
    expect(said).not.toContain('\n');
  });

  it('with a bad template opens, and refuses chats', () => {
    const made = folderWith({ 'chat_template.jinja': '{% if %}' });
    const model = openModel(made);
    expect(model.summary.chat).toBe(true);
    return expect(runTiny({ chat: true }, [], model)).rejects.toThrow(
      /^chat_template\.jinja: the chat template cannot be used \(.*\); correct it, or run without --chat\.$/,
    );
  });
});

describe('settings', () => {
  it('of a budget below the dense part and a slot a layer are refused', async () => {
    await expect(runTiny({ devices: [{ id: 'cpu:0', budgetBytes: 50_000 }] })).rejects.toThrow(
      /^cpu:0: a budget of 0\.0 MiB does not hold the dense part .*; raise budgetBytes to .* or lower batch or newTokens\.$/,
    );
  });

  it.each([
    ['topP', 0],
    ['topK', -1],
    ['repetitionPenalty', 0],
    ['temperature', 6],
    ['promptTokens', 0],
    ['chat', 'yes'],
  ])('%s out of range is refused by name', (setting, value) => {
    const parsed = RunSettings.safeParse({ ...TINY, [setting]: value });
    expect(parsed.error?.issues[0]?.path).toEqual([setting]);
  });
});
