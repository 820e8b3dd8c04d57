import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ConfigReader } from '../checkpoint/config.ts';
import { groupedAttention } from './grouped_attention.ts';
import { type LlamaDefaults, llamaModel, readHeadRope, readLlamaShape } from './llama_model.ts';
import type { ModelSpec } from './spec.ts';
import { mixtralExperts, swigluMoe } from './swiglu_experts.ts';
import { TensorCheck } from './tensor_check.ts';

const DEFAULTS: LlamaDefaults = {
  ...{ hidden: 4096, layers: 32, heads: 32, kvHeads: 8, vocab: 32_064 },
  ...{ contextTokens: 131_072, epsilon: 1e-5, theta: 1e6 },
};

/**
 * PhiMoE (config model_type `phimoe`): LayerNorm with bias, biases in attention and head if the config says so, SparseMixer routing of
 * exactly two experts, LongRoPE.
 */
export function readPhimoe(config: ConfigReader, checkpoint: Checkpoint): ModelSpec {
  const shape = readLlamaShape(config, DEFAULTS);
  const { hidden, epsilon } = shape;
  const check = new TensorCheck(checkpoint);
  const experts = config.expertCount(16);
  config.int('num_experts_per_tok', { min: 2, max: Math.min(2, experts), default: 2 });
  const routed = {
    hidden,
    experts,
    width: config.int('intermediate_size', { min: 1, default: 6400 }),
    // Training noise by name, a threshold here.
    rule: { kind: 'sparse-mixer', topK: 2, epsilon: config.number('router_jitter_noise', { min: 0, default: 0.01 }) },
  } as const;
  const attention = {
    positions: readHeadRope(config, shape, DEFAULTS),
    bias: config.boolean('attention_bias', false) ? 'all' : 'none',
    windowTokens: config.optionalInt('sliding_window', { min: 1 }),
  } as const;
  return llamaModel(check, shape, {
    family: 'phimoe',
    norm: (name) => ({
      kind: 'layer',
      gain: check.weight(`${name}.weight`, [hidden]),
      bias: check.weight(`${name}.bias`, [hidden]),
      epsilon,
    }),
    attention: (prefix) => groupedAttention(check, shape, `${prefix}.self_attn`, attention),
    feedForward: (prefix) => swigluMoe(check, routed, mixtralExperts(prefix, 'router')),
    headBias: config.boolean('lm_head_bias', false),
  });
}
