import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ConfigReader } from '../checkpoint/config.ts';
import { groupedAttention } from './grouped_attention.ts';
import { type LlamaDefaults, llamaModel, readHeadRope, readLlamaShape, rmsNorm } from './llama_model.ts';
import type { ModelSpec } from './spec.ts';
import { type ExpertNames, readSoftmaxRouting, swigluMoe } from './swiglu_experts.ts';
import { TensorCheck } from './tensor_check.ts';

const DEFAULTS: LlamaDefaults = {
  ...{ hidden: 4096, layers: 32, heads: 32, vocab: 32_000, contextTokens: 2048, epsilon: 1e-6, theta: 10_000 },
};

/**
 * Granite-MoE (config model_type `granitemoe`): Mixtral with four multipliers, of embeddings, attention scores (in place of D^-1/2),
 * residuals, and logits, which are divided by theirs. The top k logits, then softmax over the k. Experts have always been fused.
 */
export function readGraniteMoe(config: ConfigReader, checkpoint: Checkpoint): ModelSpec {
  const shape = readLlamaShape(config, DEFAULTS);
  const check = new TensorCheck(checkpoint);
  const routed = readSoftmaxRouting(config, shape.hidden, { experts: 8, topK: 2, width: 11_008 }, true);
  const attention = {
    positions: readHeadRope(config, shape, DEFAULTS),
    bias: config.boolean('attention_bias', false) ? 'all' : 'none',
    scale: config.number('attention_multiplier', { default: 1 }),
  } as const;
  return llamaModel(check, shape, {
    family: 'granitemoe',
    norm: rmsNorm(check, shape),
    attention: (prefix) => groupedAttention(check, shape, `${prefix}.self_attn`, attention),
    feedForward: (prefix) => swigluMoe(check, routed, graniteExperts(`${prefix}.block_sparse_moe`)),
    embeddingMultiplier: config.number('embedding_multiplier', { default: 1 }),
    residualMultiplier: config.number('residual_multiplier', { default: 1 }),
    logitsMultiplier: 1 / config.number('logits_scaling', { min: Number.MIN_VALUE, default: 1 }),
  });
}

function graniteExperts(block: string): ExpertNames {
  return {
    router: [`${block}.router.layer.weight`, `${block}.router.weight`],
    fused: [
      { gateUp: `${block}.input_linear.weight`, down: `${block}.output_linear.weight` },
      { gateUp: `${block}.experts.gate_up_proj`, down: `${block}.experts.down_proj` },
    ],
  };
}
