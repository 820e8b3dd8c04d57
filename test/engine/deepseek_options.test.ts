import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inspectModel } from '../../engine/coordinator/open_model.ts';
import { refusal } from '../checkpoint/write_files.ts';
import { expectPass, forwardRows } from './compare_pass.ts';
import { type Storage, writeDeepseek } from './random_deepseek.ts';
import { readTensor } from './read_tensor.ts';
import { type DeepseekConfig, referenceDeepseek } from './reference_deepseek.ts';

const IDS = [3, 30, 0, 12, 12, 7, 25, 1, 9, 17, 4, 28, 2, 2, 19, 8];

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
  [
    'V3 as the newer library writes its config',
    { rope_scaling: { ...YARN, factor: 3, mscale: 0.8, mscale_all_dim: 0.8 } },
    { newerConfig: true },
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
    await expectPass(folder, IDS, referenceDeepseek(folder, config, IDS), 1e-4);
  });

  it.each(['deepseek_v2', 'deepseek_v3'])('fixture %s: the experts of a plain double-precision pass', async (name) => {
    const folder = `test/fixtures/${name}`;
    const config: DeepseekConfig = JSON.parse(readFileSync(`${folder}/config.json`, 'utf8'));
    const ids = readTensor(`${folder}/io_long.safetensors`, 'input_ids').values;
    await expectPass(folder, ids, referenceDeepseek(folder, config, ids), 1e-3);
  });

  it('padding is taken out, wherever it stands', async () => {
    const { folder, config } = writeDeepseek({});
    const plain = await forwardRows(folder, [[5, 6, 7]]);
    const padded = await forwardRows(folder, [[0, 5, 6, 7, 0]], { mask: [[0, 1, 1, 1, 0]] });
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
