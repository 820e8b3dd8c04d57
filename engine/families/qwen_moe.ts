import type { ConfigReader } from '../checkpoint/config.ts';
import type { LlamaShape } from './llama_model.ts';
import type { FeedForwardSpec } from './spec.ts';
import { mlpExperts, type RoutedDefaults, readSoftmaxRouting, swigluMlp, swigluMoe } from './swiglu_experts.ts';
import type { TensorCheck } from './tensor_check.ts';

export interface QwenDefaults extends RoutedDefaults {
  readonly denseWidth: number;
}

type Moe = Extract<FeedForwardSpec, { kind: 'moe' }>;

/**
 * Feed-forward of Qwen2-MoE's and Qwen3-MoE's layers: layer l is MoE where l is not in `mlp_only_layers` and (l + 1) mod
 * `decoder_sparse_step` is 0, softmax over all experts, renormalised over the chosen if `norm_topk_prob` (default false); the others
 * have a dense SwiGLU of `intermediate_size`.
 * @param shared the experts that every token runs beside those of a MoE layer, by the prefix of its tensors
 */
export function qwenFeedForward(
  config: ConfigReader,
  check: TensorCheck,
  { hidden }: LlamaShape,
  defaults: QwenDefaults,
  shared?: (prefix: string) => NonNullable<Moe['shared']>,
): (prefix: string, block: number) => FeedForwardSpec {
  const dense = new Set(config.optionalNumbers('mlp_only_layers'));
  const step = config.int('decoder_sparse_step', { min: 1, default: 1 });
  const denseWidth = config.int('intermediate_size', { min: 1, default: defaults.denseWidth });
  const widthKey = 'moe_intermediate_size';
  const routed = readSoftmaxRouting(config, hidden, { ...defaults, widthKey }, config.boolean('norm_topk_prob', false));
  return (prefix, block) => {
    if (dense.has(block) || (block + 1) % step !== 0) {
      return { kind: 'dense', expert: swigluMlp(check, `${prefix}.mlp`, hidden, denseWidth), width: denseWidth };
    }
    const moe = swigluMoe(check, routed, mlpExperts(prefix));
    return shared === undefined ? moe : { ...moe, shared: shared(prefix) };
  };
}
