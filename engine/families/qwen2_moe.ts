import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ConfigReader } from '../checkpoint/config.ts';
import { groupedAttention } from './grouped_attention.ts';
import { type LlamaDefaults, linearOf, llamaModel, readHeadRope, readLlamaShape, rmsNorm } from './llama_model.ts';
import { qwenFeedForward } from './qwen_moe.ts';
import type { ModelSpec } from './spec.ts';
import { swigluMlp } from './swiglu_experts.ts';
import { TensorCheck } from './tensor_check.ts';
import { layerWindows } from './windows.ts';

const DEFAULTS: LlamaDefaults = {
  ...{ hidden: 2048, layers: 24, heads: 16, kvHeads: 16, vocab: 151_936 },
  ...{ contextTokens: 32_768, epsilon: 1e-6, theta: 10_000 },
};
const EXPERT_DEFAULTS = { denseWidth: 5632, width: 1408, experts: 60, topK: 4 };

/**
 * Qwen2-MoE (config model_type `qwen2_moe`): biases on q, k and v; a shared SwiGLU beside the routed experts, weighted by the sigmoid
 * of one number a token. With `use_sliding_window` the layers of even index below `max_window_layers` slide unless `layer_types` says
 * which, as the newer library has it; the older one slid every layer or the later ones, depending on the kernel.
 */
export function readQwen2Moe(config: ConfigReader, checkpoint: Checkpoint): ModelSpec {
  const shape = readLlamaShape(config, DEFAULTS);
  const { hidden } = shape;
  const check = new TensorCheck(checkpoint);
  const positions = readHeadRope(config, shape, DEFAULTS);
  const bias = config.boolean('qkv_bias', true) ? 'qkv' : 'none';
  const windowOf = readWindows(config, shape.layers);
  const sharedWidth = config.int('shared_expert_intermediate_size', { min: 1, default: 5632 });
  return llamaModel(check, shape, {
    family: 'qwen2_moe',
    norm: rmsNorm(check, shape),
    attention: (prefix, block) =>
      groupedAttention(check, shape, `${prefix}.self_attn`, { positions, bias, windowTokens: windowOf(block) }),
    feedForward: qwenFeedForward(config, check, shape, EXPERT_DEFAULTS, (prefix) => ({
      expert: swigluMlp(check, `${prefix}.mlp.shared_expert`, hidden, sharedWidth),
      width: sharedWidth,
      gate: linearOf(check, `${prefix}.mlp.shared_expert_gate`, 1, hidden),
    })),
  });
}

function readWindows(config: ConfigReader, layers: number): (block: number) => number | undefined {
  // `sliding_window` may hold anything where it is not used.
  if (!config.boolean('use_sliding_window', false) || config.holdsNull('sliding_window')) return () => undefined;
  const below = config.int('max_window_layers', { default: 28 });
  const windowTokens = config.int('sliding_window', { min: 1, default: 4096 });
  return layerWindows(config, layers, windowTokens, (block) => block % 2 === 0 && block < below);
}
