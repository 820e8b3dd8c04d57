import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ConfigReader } from '../checkpoint/config.ts';
import { groupedAttention } from './grouped_attention.ts';
import { type LlamaDefaults, llamaModel, readHeadRope, readLlamaShape, rmsNorm } from './llama_model.ts';
import type { ModelSpec } from './spec.ts';
import { mlpExperts, readSoftmaxRouting, swigluMoe } from './swiglu_experts.ts';
import { TensorCheck } from './tensor_check.ts';

const DEFAULTS: LlamaDefaults = {
  ...{ hidden: 2048, layers: 16, heads: 16, vocab: 50_304, contextTokens: 4096, epsilon: 1e-5, theta: 10_000 },
};

/**
 * OLMoE (config model_type `olmoe`): every layer is MoE; RMSNorm over the whole projected q and k before the head split;
 * softmax over all experts, renormalised over the chosen only if `norm_topk_prob` (default false); no shared expert.
 */
export function readOlmoe(config: ConfigReader, checkpoint: Checkpoint): ModelSpec {
  const shape = readLlamaShape(config, DEFAULTS);
  const check = new TensorCheck(checkpoint);
  const positions = readHeadRope(config, shape, DEFAULTS);
  const renormalise = config.boolean('norm_topk_prob', false);
  const routed = readSoftmaxRouting(config, shape.hidden, { experts: 64, topK: 8, width: 2048 }, renormalise);
  const attention = {
    positions,
    bias: config.boolean('attention_bias', false) ? 'all' : 'none',
    queryKeyNorm: 'all',
    clip: config.optionalNumber('clip_qkv'),
  } as const;
  return llamaModel(check, shape, {
    family: 'olmoe',
    norm: rmsNorm(check, shape),
    attention: (prefix) => groupedAttention(check, shape, `${prefix}.self_attn`, attention),
    feedForward: (prefix) => swigluMoe(check, routed, mlpExperts(prefix)),
  });
}
