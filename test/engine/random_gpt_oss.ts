import { RandomCheckpoint } from './random_checkpoint.ts';
import type { GptOssConfig } from './reference_gpt_oss.ts';

const SIZES = {
  ...{ hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2, num_attention_heads: 6, num_key_value_heads: 2 },
  ...{ head_dim: 10, num_local_experts: 5, num_experts_per_tok: 2, vocab_size: 31, max_position_embeddings: 64 },
  ...{ rope_theta: 900, rms_norm_eps: 1e-5, hidden_act: 'silu' },
};
const OPTIONS = {
  rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16, truncate: false },
  ...{ sliding_window: 3, tie_word_embeddings: false, attention_bias: true },
};

/** Writes a model folder with these options over the release's, experts as MXFP4 blocks or unpacked; returns it with its config. */
export function writeGptOss(options: Partial<GptOssConfig>, packed: boolean): { folder: string; config: GptOssConfig } {
  const config: GptOssConfig = { ...SIZES, ...OPTIONS, ...options };
  const { hidden_size: hidden, intermediate_size: width, head_dim: dim, num_local_experts: experts } = config;
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, vocab_size: vocab, attention_bias } = config;
  const checkpoint = new RandomCheckpoint(9);
  checkpoint.put('model.embed_tokens.weight', [vocab, hidden], 1);
  if (!config.tie_word_embeddings) checkpoint.put('lm_head.weight', [vocab, hidden]);
  checkpoint.norm('model.norm', hidden, false);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}`;
    checkpoint.norm(`${at}.input_layernorm`, hidden, false);
    checkpoint.norm(`${at}.post_attention_layernorm`, hidden, false);
    const attention = `${at}.self_attn`;
    checkpoint.linear(`${attention}.q_proj`, heads * dim, hidden, attention_bias);
    for (const part of ['k', 'v'])
      checkpoint.linear(`${attention}.${part}_proj`, kvHeads * dim, hidden, attention_bias);
    checkpoint.linear(`${attention}.o_proj`, hidden, heads * dim, attention_bias);
    checkpoint.put(`${attention}.sinks`, [heads], 1, 1);
    checkpoint.linear(`${at}.mlp.router`, experts, hidden, true, 1);
    for (const [name, rows, columns] of [
      ['gate_up_proj', 2 * width, hidden],
      ['down_proj', hidden, width],
    ] as const) {
      checkpoint.put(`${at}.mlp.experts.${name}_bias`, [experts, rows], 0.5);
      if (packed) checkpoint.putMxfp4(`${at}.mlp.experts.${name}`, [experts, rows, columns]);
      else checkpoint.put(`${at}.mlp.experts.${name}`, [experts, columns, rows]);
    }
  }
  return { folder: checkpoint.write({ model_type: 'gpt_oss', ...config }), config };
}
