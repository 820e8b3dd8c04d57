import { describe, expect, it } from 'vitest';
import { inspectModel } from '../../engine/coordinator/open_model.ts';
import { writeHeaderOnly } from './header_only.ts';
import { expertCount, headDim, isDense, isTied, type LlamaConfig, putLlama } from './llama_tensors.ts';

/** A release: what its config sets otherwise than the class's defaults, and those defaults. */
type Release = readonly [name: string, parameters: number, set: object, defaults: LlamaConfig];

const common = { num_hidden_layers: 32, hidden_size: 4096, num_attention_heads: 32, num_experts_per_tok: 2 };
const qwen = { hidden_size: 2048, num_hidden_layers: 24, vocab_size: 151_936 };
const granite: LlamaConfig = {
  ...{ ...common, model_type: 'granitemoe', vocab_size: 32_000, num_key_value_heads: null },
  ...{ intermediate_size: 11_008, num_local_experts: 8 },
};
const graniteSmall = { vocab_size: 49_155, intermediate_size: 512, num_key_value_heads: 8, num_experts_per_tok: 8 };

const RELEASES: readonly Release[] = [
  [
    ...(['Mixtral-8x7B', 46_702_792_704, {}] as const),
    {
      ...{ ...common, model_type: 'mixtral', vocab_size: 32_000, num_key_value_heads: 8 },
      ...{ intermediate_size: 14_336, num_local_experts: 8 },
    },
  ],
  [
    ...(['OLMoE-1B-7B', 6_919_161_856, { intermediate_size: 1024 }] as const),
    {
      ...{ model_type: 'olmoe', vocab_size: 50_304, hidden_size: 2048, num_hidden_layers: 16 },
      ...{ num_attention_heads: 16, num_key_value_heads: null, num_experts: 64, num_experts_per_tok: 8 },
      intermediate_size: 2048,
    },
  ],
  [
    ...(['Qwen1.5-MoE-A2.7B', 14_315_784_192, { rope_theta: 1e6 }] as const),
    {
      ...{ ...qwen, model_type: 'qwen2_moe', num_attention_heads: 16, num_key_value_heads: 16, num_experts: 60 },
      ...{ intermediate_size: 5632, moe_intermediate_size: 1408, shared_expert_intermediate_size: 5632 },
      num_experts_per_tok: 4,
    },
  ],
  [
    ...(['Qwen3-30B-A3B', 30_532_122_624, { num_hidden_layers: 48, head_dim: 128 }] as const),
    {
      ...{ ...qwen, model_type: 'qwen3_moe', num_attention_heads: 32, num_key_value_heads: 4, num_experts: 128 },
      ...{ intermediate_size: 6144, moe_intermediate_size: 768, num_experts_per_tok: 8 },
    },
  ],
  [
    'granite-3.1-1b-a400m',
    1_334_628_352,
    {
      ...{ ...graniteSmall, hidden_size: 1024, num_hidden_layers: 24, num_attention_heads: 16 },
      ...{ num_local_experts: 32, tie_word_embeddings: true },
    },
    granite,
  ],
  [
    'granite-3.1-3b-a800m',
    3_298_793_472,
    {
      ...{ ...graniteSmall, hidden_size: 1536, num_attention_heads: 24, num_local_experts: 40 },
      tie_word_embeddings: true,
    },
    granite,
  ],
  [
    ...(['Phi-3.5-MoE', 41_873_153_344, { attention_bias: true, lm_head_bias: true }] as const),
    {
      ...{ ...common, model_type: 'phimoe', vocab_size: 32_064, num_key_value_heads: 8 },
      ...{ intermediate_size: 6400, num_local_experts: 16 },
    },
  ],
];

describe('releases, from headers of their shapes and what their configs set', () => {
  it.each(RELEASES)('%s: parameters, and what a device would hold of them', (_, parameters, set, defaults) => {
    const config: LlamaConfig = { ...defaults, ...set };
    const shapes: Record<string, readonly number[]> = {};
    putLlama(config, (name, ...shape) => {
      shapes[name] = shape;
    });
    const { summary } = inspectModel(writeHeaderOnly({ model_type: config.model_type, ...set }, shapes));
    expect(summary.parameters).toBe(parameters);
    const { hidden_size: hidden, num_hidden_layers: layers, vocab_size: vocab } = config;
    const moeLayers = Array.from({ length: layers }, (_, layer) => layer).filter((layer) => !isDense(config, layer));
    const width = (config.moe_intermediate_size ?? config.intermediate_size) as number;
    const experts = moeLayers.length * expertCount(config) * 3 * hidden * width;
    const { embedding, attention, otherDense, perExpert, kvPerToken } = summary.deviceBytes;
    expect(perExpert * summary.experts * summary.moeLayers.length).toBe(4 * experts);
    // A tied table is held twice: to look tokens up, and as the head's matrix.
    expect(embedding + attention + otherDense).toBe(4 * (parameters - experts + (isTied(config) ? vocab * hidden : 0)));
    const keys = (config.num_key_value_heads ?? config.num_attention_heads) * headDim(config);
    expect(kvPerToken).toBe(4 * 2 * keys * layers);
  });
});
