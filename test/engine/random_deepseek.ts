import { RandomCheckpoint } from './random_checkpoint.ts';
import type { DeepseekConfig } from './reference_deepseek.ts';

/** Sizes that no case changes; small, with every dimension another. */
const SIZES = {
  ...{ hidden_size: 24, num_hidden_layers: 2, num_attention_heads: 3, num_key_value_heads: 3, vocab_size: 31 },
  ...{ kv_lora_rank: 10, qk_nope_head_dim: 6, qk_rope_head_dim: 8, v_head_dim: 5, max_position_embeddings: 96 },
  ...{ intermediate_size: 20, moe_intermediate_size: 14, n_routed_experts: 12, num_experts_per_tok: 3 },
  ...{ first_k_dense_replace: 1, rope_theta: 900, rms_norm_eps: 1e-5, hidden_act: 'silu' },
};
/** Options as V3 has them. */
const OPTIONS = {
  ...{ model_type: 'deepseek_v3', q_lora_rank: 11, n_shared_experts: 2, n_group: 4, topk_group: 2 },
  ...{ norm_topk_prob: true, routed_scaling_factor: 2.5, tie_word_embeddings: false, attention_bias: false },
  rope_scaling: null,
} as const;

/** How tensors are stored. */
export interface Storage {
  readonly fused?: boolean;
  readonly float8?: boolean;
  /** A layer beyond num_hidden_layers, which predicts several tokens. */
  readonly extraLayer?: boolean;
  /** `rope_parameters` in place of `rope_theta` and `rope_scaling`. */
  readonly newerConfig?: boolean;
}

/** Writes a model folder with these options over V3's; returns it with its config. */
export function writeDeepseek(
  options: Partial<DeepseekConfig> & Readonly<Record<string, unknown>>,
  { fused = false, float8 = false, extraLayer = false, newerConfig = false }: Storage = {},
): { folder: string; config: DeepseekConfig } {
  const config: DeepseekConfig = { ...SIZES, ...OPTIONS, ...options };
  const { hidden_size: hidden, num_attention_heads: heads, vocab_size: vocab, q_lora_rank: narrow } = config;
  const {
    kv_lora_rank: latent,
    qk_nope_head_dim: n,
    qk_rope_head_dim: r,
    v_head_dim: v,
    attention_bias: bias,
  } = config;
  const { n_routed_experts: experts, moe_intermediate_size: width } = config;
  const checkpoint = new RandomCheckpoint(5);
  const linear = (name: string, rows: number, columns: number, biased = false) => {
    if (float8) checkpoint.putFloat8(`${name}.weight`, [rows, columns]);
    else checkpoint.linear(name, rows, columns, biased);
  };
  const mlp = (at: string, inner: number) => {
    for (const part of ['gate', 'up']) linear(`${at}.${part}_proj`, inner, hidden);
    linear(`${at}.down_proj`, hidden, inner);
  };
  checkpoint.put('model.embed_tokens.weight', [vocab, hidden], 1);
  if (!config.tie_word_embeddings) checkpoint.put('lm_head.weight', [vocab, hidden]);
  checkpoint.norm('model.norm', hidden, false);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}`;
    const attention = `${at}.self_attn`;
    checkpoint.norm(`${at}.input_layernorm`, hidden, false);
    checkpoint.norm(`${at}.post_attention_layernorm`, hidden, false);
    if (narrow === null) linear(`${attention}.q_proj`, heads * (n + r), hidden);
    else {
      linear(`${attention}.q_a_proj`, narrow, hidden, bias);
      checkpoint.norm(`${attention}.q_a_layernorm`, narrow, false);
      linear(`${attention}.q_b_proj`, heads * (n + r), narrow);
    }
    linear(`${attention}.kv_a_proj_with_mqa`, latent + r, hidden, bias);
    checkpoint.norm(`${attention}.kv_a_layernorm`, latent, false);
    linear(`${attention}.kv_b_proj`, heads * (n + v), latent);
    linear(`${attention}.o_proj`, hidden, heads * v, bias);
    if (layer < config.first_k_dense_replace) {
      mlp(`${at}.mlp`, config.intermediate_size);
      continue;
    }
    checkpoint.put(`${at}.mlp.gate.weight`, [experts, hidden], 1);
    // Around -0.8: most scores with it are negative, and a masked group's 0 would beat them.
    if (config.model_type === 'deepseek_v3')
      checkpoint.put(`${at}.mlp.gate.e_score_correction_bias`, [experts], 0.3, -0.8);
    if (config.n_shared_experts !== null) mlp(`${at}.mlp.shared_experts`, width * config.n_shared_experts);
    if (fused) {
      checkpoint.put(`${at}.mlp.experts.gate_up_proj`, [experts, 2 * width, hidden]);
      checkpoint.put(`${at}.mlp.experts.down_proj`, [experts, hidden, width]);
    } else for (let e = 0; e < experts; e++) mlp(`${at}.mlp.experts.${e}`, width);
  }
  if (extraLayer) checkpoint.put(`model.layers.${config.num_hidden_layers}.eh_proj.weight`, [hidden, 2 * hidden]);
  const { rope_theta, rope_scaling, ...rest } = config;
  const newer = {
    ...rest,
    rope_parameters: { ...rope_scaling, rope_type: rope_scaling?.type ?? 'default', rope_theta },
  };
  return { folder: checkpoint.write(newerConfig ? newer : config), config };
}
