import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { forwardLogits } from '../../engine/coordinator/logits.ts';
import { inspectModel } from '../../engine/coordinator/open_model.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { refusal } from '../checkpoint/write_files.ts';
import { type Storage, writeDeepseek } from './random_deepseek.ts';
import { readTensor } from './read_tensor.ts';
import { type DeepseekConfig, referenceDeepseek } from './reference_deepseek.ts';

const IDS = [3, 30, 0, 12, 12, 7, 25, 1, 9, 17, 4, 28, 2, 2, 19, 8];

async function forward(folder: string, ids: readonly number[]) {
  const checkpoint = openCheckpoint(folder);
  const inputIds = [Int32Array.from(ids)];
  return forwardLogits(folder, readModelSpec(folder, checkpoint), checkpoint, { inputIds });
}

/** The engine chooses the reference's experts, and its logits are within `tolerance`. */
async function compare(folder: string, config: DeepseekConfig, ids: readonly number[], tolerance: number) {
  const { logits, expertIds } = await forward(folder, ids);
  const wanted = referenceDeepseek(folder, config, ids);
  expect(Array.from(expertIds)).toEqual(wanted.experts.flat(2));
  const flat = wanted.logits.flatMap((row) => [...row]);
  const largest = flat.reduce((most, value, i) => Math.max(most, Math.abs(value - (logits[i] as number))), 0);
  expect(largest).toBeLessThan(tolerance);
}

const YARN = { type: 'yarn', original_max_position_embeddings: 12, beta_fast: 8, beta_slow: 1 };
const CASES: readonly (readonly [string, Partial<DeepseekConfig>, Storage])[] = [
  [
    'V2, q_lora with group_limited_greedy, biases, YaRN with an attention factor of its own',
    {
      ...{ model_type: 'deepseek_v2', topk_method: 'group_limited_greedy', n_group: 3, topk_group: 2 },
      ...{ attention_bias: true, norm_topk_prob: true, routed_scaling_factor: 16 },
      rope_scaling: { ...YARN, factor: 8, attention_factor: 1.2 },
    },
    {},
  ],
  [
    'V2, greedy without q_lora, no shared experts, plain rope, tied, every layer MoE',
    {
      ...{ model_type: 'deepseek_v2', q_lora_rank: null, n_group: null, topk_group: null, n_shared_experts: null },
      ...{ tie_word_embeddings: true, first_k_dense_replace: 0, routed_scaling_factor: 1 },
    },
    {},
  ],
  ['V3, groups with q_lora, normalised, a layer that predicts several tokens', {}, { extraLayer: true }],
  [
    'V3, weights not normalised, factor of YaRN by the contexts, mscales that differ, fused experts',
    { norm_topk_prob: false, rope_scaling: { ...YARN, factor: null, mscale: 1, mscale_all_dim: 0.6 } },
    { fused: true },
  ],
  [
    'V3 in FP8, no q_lora, half-split rope, YaRN without whole bounds',
    { q_lora_rank: null, rope_interleave: false, rope_scaling: { ...YARN, factor: 6, truncate: false } },
    { float8: true },
  ],
];

describe('DeepSeek', () => {
  it.each(CASES)('%s', async (_, options, storage) => {
    const { folder, config } = writeDeepseek(options, storage);
    await compare(folder, config, IDS, 1e-4);
  });

  it.each(['deepseek_v2', 'deepseek_v3'])('fixture %s: the experts of a plain double-precision pass', async (name) => {
    const folder = `test/fixtures/${name}`;
    const config: DeepseekConfig = JSON.parse(readFileSync(`${folder}/config.json`, 'utf8'));
    await compare(folder, config, readTensor(`${folder}/io_long.safetensors`, 'input_ids').values, 1e-3);
  });

  it('padding is taken out, wherever it stands', async () => {
    const { folder, config } = writeDeepseek({});
    const checkpoint = openCheckpoint(folder);
    const spec = readModelSpec(folder, checkpoint);
    const plain = await forward(folder, [5, 6, 7]);
    const padded = await forwardLogits(folder, spec, checkpoint, {
      inputIds: [Int32Array.of(0, 5, 6, 7, 0)],
      mask: [Int32Array.of(0, 1, 1, 1, 0)],
    });
    const vocab = config.vocab_size;
    expect(Array.from(padded.logits.subarray(vocab, 4 * vocab))).toEqual(Array.from(plain.logits));
  });

  it('keeps one latent vector a token and layer, and leaves layers beyond the last out of the count', () => {
    const { folder } = writeDeepseek({}, { extraLayer: true });
    const { summary } = inspectModel(folder);
    expect(summary.deviceBytes.kvPerToken).toBe(2 * (10 + 8) * 4);
    expect(summary.parameters).toBe(inspectModel(writeDeepseek({}).folder).summary.parameters);
  });

  it('refuses groups that do not hold the experts a token needs, and rules that it does not know', () => {
    const open = (options: Record<string, unknown>) => inspectModel(writeDeepseek(options).folder);
    expect(refusal(() => open({ n_group: 12, topk_group: 1 }))).toMatch(/3 experts .* 1 groups of 1; correct n_group/);
    expect(refusal(() => open({ n_group: 5 }))).toMatch(/n_routed_experts is 12 and must be a multiple of 5/);
    expect(refusal(() => open({ scoring_func: 'tanh' }))).toMatch(/scoring_func is "tanh"/);
  });
});
