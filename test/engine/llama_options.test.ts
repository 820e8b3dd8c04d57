import { describe, expect, it } from 'vitest';
import { EngineRefusal } from '../../engine/api.ts';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { forwardLogits, type LogitsInput } from '../../engine/coordinator/logits.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { type LlamaConfig, writeLlama } from './llama_tensors.ts';
import { referenceLlama } from './reference_llama.ts';

const VOCAB = 31;
const IDS = Array.from({ length: 24 }, (_, i) => (i * i * 7 + 3 * i) % VOCAB);

const SIZES = {
  ...{ hidden_size: 16, intermediate_size: 12, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2 },
  ...{ num_experts_per_tok: 2, vocab_size: VOCAB, max_position_embeddings: 64, rms_norm_eps: 1e-5, rope_theta: 500 },
};
const qwen = { num_experts: 6, moe_intermediate_size: 8, num_hidden_layers: 4 };
const longRope = {
  ...{ rope_type: 'longrope', short_factor: [1, 1.3], long_factor: [2, 5], original_max_position_embeddings: 20 },
};
const phimoe = { ...SIZES, model_type: 'phimoe', num_local_experts: 6, attention_bias: true } as const;

/** Options that no fixture sets, by what is shown. */
const OPTIONS: Readonly<Record<string, LlamaConfig>> = {
  'olmoe: grouped keys, clip_qkv, renormalised, biased, linear positions': {
    ...{ ...SIZES, model_type: 'olmoe', num_experts: 6, norm_topk_prob: true, clip_qkv: 0.8, attention_bias: true },
    rope_scaling: { type: 'linear', factor: 4 },
  },
  'mixtral: a window, heads that are not hidden / heads, tied, llama3 positions in the newer spelling': {
    ...{ ...SIZES, model_type: 'mixtral', num_local_experts: 5, sliding_window: 5, head_dim: 6, rope_theta: undefined },
    ...{ tie_word_embeddings: true },
    rope_parameters: {
      ...{ rope_type: 'llama3', rope_theta: 300, factor: 4, low_freq_factor: 1, high_freq_factor: 4 },
      original_max_position_embeddings: 32,
    },
  },
  'mixtral: dynamic positions beyond the context': {
    ...{ ...SIZES, model_type: 'mixtral', num_local_experts: 5, max_position_embeddings: 10 },
    rope_scaling: { rope_type: 'dynamic', factor: 2 },
  },
  'mixtral: keys of null, one a head': {
    ...{ ...SIZES, model_type: 'mixtral', num_local_experts: 5, num_key_value_heads: null, sliding_window: null },
  },
  'qwen2_moe: dense layers by list and step, renormalised, no biases': {
    ...{ ...SIZES, ...qwen, model_type: 'qwen2_moe', shared_expert_intermediate_size: 20, norm_topk_prob: true },
    ...{ decoder_sparse_step: 2, mlp_only_layers: [1], qkv_bias: false, sliding_window: 3 },
  },
  'qwen2_moe: windows in even layers below max_window_layers': {
    ...{ ...SIZES, ...qwen, model_type: 'qwen2_moe', shared_expert_intermediate_size: 20, head_dim: 6 },
    ...{ use_sliding_window: true, sliding_window: 4, max_window_layers: 2 },
  },
  'qwen2_moe: windows by layer_types': {
    ...{ ...SIZES, ...qwen, model_type: 'qwen2_moe', shared_expert_intermediate_size: 20 },
    ...{ use_sliding_window: true, sliding_window: 4 },
    layer_types: ['full_attention', 'sliding_attention', 'full_attention', 'sliding_attention'],
  },
  'qwen3_moe: a window, biases, not renormalised, num_local_experts': {
    ...{ ...SIZES, ...qwen, model_type: 'qwen3_moe', num_experts: undefined, num_local_experts: 6, head_dim: 8 },
    ...{ use_sliding_window: true, sliding_window: 7, attention_bias: true, mlp_only_layers: [0] },
  },
  'qwen3_moe: LongRoPE whose factor is inferred': {
    ...{ ...SIZES, ...qwen, model_type: 'qwen3_moe', head_dim: 4, rope_scaling: longRope },
  },
  'granitemoe: multipliers that are whole numbers, biases, not tied': {
    ...{ ...SIZES, model_type: 'granitemoe', num_local_experts: 6, attention_bias: true },
    ...{ embedding_multiplier: 3, attention_multiplier: 0.2, residual_multiplier: 2, logits_scaling: 4 },
  },
  'granitemoe: tied': {
    ...{ ...SIZES, model_type: 'granitemoe', num_local_experts: 6, tie_word_embeddings: true },
    ...{ embedding_multiplier: 1, attention_multiplier: 1, residual_multiplier: 1, logits_scaling: 1 },
  },
  'phimoe: rivals within a wide epsilon, LongRoPE beyond the switch, a head without bias': {
    ...{ ...phimoe, router_jitter_noise: 0.4, lm_head_bias: false },
    rope_scaling: { ...longRope, short_mscale: 1.1, long_mscale: 1.4 },
  },
  'phimoe: plain positions, a window, no epsilon': {
    ...{ ...phimoe, router_jitter_noise: 0, lm_head_bias: true, attention_bias: false, sliding_window: 6, head_dim: 6 },
  },
};

async function pass(folder: string, input: LogitsInput) {
  const checkpoint = openCheckpoint(folder);
  return forwardLogits(folder, readModelSpec(folder, checkpoint), checkpoint, input);
}

function largestDifference(actual: Float32Array, wanted: readonly Float64Array[]): number {
  const differences = wanted.flatMap((row, token) =>
    Array.from(row, (value, id) => Math.abs((actual[token * VOCAB + id] as number) - value)),
  );
  return Math.max(...differences);
}

describe('options that no fixture sets give the logits and experts of a plain pass', () => {
  it.each(Object.keys(OPTIONS))('%s', async (name) => {
    const folder = writeLlama(OPTIONS[name] as LlamaConfig);
    const wanted = referenceLlama(folder, IDS);
    const { logits, expertIds } = await pass(folder, { inputIds: [Int32Array.from(IDS)] });
    expect(Array.from(expertIds)).toEqual(wanted.experts.flat(2));
    expect(largestDifference(logits, wanted.logits)).toBeLessThan(1e-4);
  });

  it.each(['olmoe', 'mixtral', 'qwen2_moe', 'granitemoe', 'phimoe'])(
    '%s: experts fused over a layer are the same experts',
    async (family) => {
      const config = Object.values(OPTIONS).find(({ model_type }) => model_type === family) as LlamaConfig;
      const input = { inputIds: [Int32Array.from(IDS)] };
      const fused = await pass(writeLlama(config, { fused: true }), input);
      expect(fused).toEqual(await pass(writeLlama(config), input));
    },
  );
});

describe('what cannot be run is refused in a sentence that names the key', () => {
  const mixtral: LlamaConfig = { ...SIZES, model_type: 'mixtral', num_local_experts: 5 };
  const refused: readonly (readonly [LlamaConfig, RegExp])[] = [
    [{ ...mixtral, hidden_act: 'gelu' }, /hidden_act .*silu/],
    [{ ...mixtral, head_dim: 5 }, /head_dim/],
    [{ ...mixtral, num_key_value_heads: 3 }, /num_attention_heads .*multiple of 3/],
    [{ ...mixtral, num_experts_per_tok: 6 }, /num_experts_per_tok .*at most 5/],
    [{ ...mixtral, sliding_window: 0 }, /sliding_window .*at least 1/],
    [{ ...mixtral, rope_theta: 0 }, /rope_theta/],
    [{ ...mixtral, rope_scaling: { rope_type: 'spiral' } }, /rope_scaling: rope_type "spiral" .*longrope/],
    [{ ...mixtral, rope_scaling: { rope_type: 'linear' } }, /rope_scaling: factor is missing/],
    [{ ...mixtral, rope_scaling: { ...longRope, long_factor: [1] } }, /long_factor must be 2 numbers above 0/],
    [{ ...phimoe, num_experts_per_tok: 3 }, /num_experts_per_tok .*at most 2/],
    [
      {
        ...{ ...SIZES, ...qwen, model_type: 'qwen2_moe', shared_expert_intermediate_size: 20 },
        ...{ use_sliding_window: true, layer_types: ['sliding_attention', 'chunked_attention'] },
      },
      /layer_types .*each of 4 layers/,
    ],
  ];
  it.each(refused.map(([config, message]) => [message.source, config, message] as const))(
    '%s',
    (_, config, message) => {
      const folder = writeLlama(config);
      const checkpoint = openCheckpoint(folder);
      expect(() => readModelSpec(folder, checkpoint)).toThrow(message);
      expect(() => readModelSpec(folder, checkpoint)).toThrow(EngineRefusal);
      checkpoint.close();
    },
  );
});

describe('padding', () => {
  it.each(['mixtral', 'qwen2_moe'])('%s: is taken out by the attention mask, wherever it stands', async (family) => {
    const config = Object.values(OPTIONS).find(({ model_type }) => model_type === family) as LlamaConfig;
    const folder = writeLlama(config);
    const plain = await pass(folder, { inputIds: [Int32Array.of(5, 6, 7)] });
    const padded = await pass(folder, {
      inputIds: [Int32Array.of(0, 5, 6, 7, 0)],
      mask: [Int32Array.of(0, 1, 1, 1, 0)],
    });
    expect(Array.from(padded.logits.subarray(VOCAB, 4 * VOCAB))).toEqual(Array.from(plain.logits));
    expect(Array.from(padded.expertIds.subarray(0, config.num_experts_per_tok))).toEqual([-1, -1]);
  });

  it('counts where LongRoPE goes by the length of the call', async () => {
    const config = Object.values(OPTIONS).find(({ model_type }) => model_type === 'phimoe') as LlamaConfig;
    const folder = writeLlama(config);
    const [kept, mask] = [IDS.slice(0, 15), Int32Array.from(IDS, (_, at) => (at < 15 ? 1 : 0))];
    const { logits } = await pass(folder, { inputIds: [Int32Array.from(IDS)], mask: [mask] });
    expect(largestDifference(logits, referenceLlama(folder, kept, { callTokens: IDS.length }).logits)).toBeLessThan(
      1e-4,
    );
  });
});
