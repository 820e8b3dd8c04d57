import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ConfigReader } from '../checkpoint/config.ts';
import { groupedAttention } from './grouped_attention.ts';
import { type LlamaDefaults, llamaModel, readHeadRope, readLlamaShape, rmsNorm } from './llama_model.ts';
import { qwenFeedForward } from './qwen_moe.ts';
import type { ModelSpec } from './spec.ts';
import { TensorCheck } from './tensor_check.ts';

const DEFAULTS: LlamaDefaults = {
  ...{ hidden: 2048, layers: 24, heads: 32, kvHeads: 4, vocab: 151_936 },
  ...{ contextTokens: 32_768, epsilon: 1e-6, theta: 10_000 },
};
const EXPERT_DEFAULTS = { denseWidth: 6144, width: 768, experts: 128, topK: 8 };

/**
 * Qwen3-MoE (config model_type `qwen3_moe`): RMSNorm over each head of q and k, no shared expert; `head_dim` need not be d / heads.
 * All layers see `sliding_window` keys where `use_sliding_window` is set.
 */
export function readQwen3Moe(config: ConfigReader, checkpoint: Checkpoint): ModelSpec {
  const shape = readLlamaShape(config, DEFAULTS);
  const check = new TensorCheck(checkpoint);
  const slides = config.boolean('use_sliding_window', false) && !config.holdsNull('sliding_window');
  const attention = {
    positions: readHeadRope(config, shape, DEFAULTS),
    bias: config.boolean('attention_bias', false) ? 'all' : 'none',
    queryKeyNorm: 'head',
    // `sliding_window` may hold anything where it is not used.
    windowTokens: slides ? config.int('sliding_window', { min: 1, default: 4096 }) : undefined,
  } as const;
  return llamaModel(check, shape, {
    family: 'qwen3_moe',
    norm: rmsNorm(check, shape),
    attention: (prefix) => groupedAttention(check, shape, `${prefix}.self_attn`, attention),
    feedForward: qwenFeedForward(config, check, shape, EXPERT_DEFAULTS),
  });
}
