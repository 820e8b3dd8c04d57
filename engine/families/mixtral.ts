import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ConfigReader } from '../checkpoint/config.ts';
import { groupedAttention } from './grouped_attention.ts';
import { type LlamaDefaults, llamaModel, readHeadRope, readLlamaShape, rmsNorm } from './llama_model.ts';
import type { ModelSpec } from './spec.ts';
import { mixtralExperts, readSoftmaxRouting, swigluMoe } from './swiglu_experts.ts';
import { TensorCheck } from './tensor_check.ts';

const DEFAULTS: LlamaDefaults = {
  ...{ hidden: 4096, layers: 32, heads: 32, kvHeads: 8, vocab: 32_000 },
  ...{ contextTokens: 131_072, epsilon: 1e-5, theta: 1e6 },
};

/**
 * Mixtral (config model_type `mixtral`): every layer is MoE, softmax over the chosen experts, no biases; all layers see
 * `sliding_window` keys where it is set.
 */
export function readMixtral(config: ConfigReader, checkpoint: Checkpoint): ModelSpec {
  const shape = readLlamaShape(config, DEFAULTS);
  const check = new TensorCheck(checkpoint);
  const routed = readSoftmaxRouting(config, shape.hidden, { experts: 8, topK: 2, width: 14_336 }, true);
  const attention = {
    positions: readHeadRope(config, shape, DEFAULTS),
    windowTokens: config.optionalInt('sliding_window', { min: 1 }),
  };
  return llamaModel(check, shape, {
    family: 'mixtral',
    norm: rmsNorm(check, shape),
    attention: (prefix) => groupedAttention(check, shape, `${prefix}.self_attn`, attention),
    feedForward: (prefix) => swigluMoe(check, routed, mixtralExperts(prefix, 'gate')),
  });
}
