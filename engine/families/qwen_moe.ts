import type { ConfigReader } from '../checkpoint/config.ts';
import type { LlamaShape } from './llama_model.ts';
import type { FeedForwardSpec } from './spec.ts';
import { mlpExperts, swigluMlp, swigluMoe } from './swiglu_experts.ts';
import type { TensorCheck } from './tensor_check.ts';

export interface QwenDefaults {
  readonly denseWidth: number;
  readonly width: number;
  readonly experts: number;
  readonly topK: number;
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
  const experts = config.expertCount(defaults.experts);
  const dense = new Set(config.optionalNumbers('mlp_only_layers'));
  const step = config.int('decoder_sparse_step', { min: 1, default: 1 });
  const denseWidth = config.int('intermediate_size', { min: 1, default: defaults.denseWidth });
  const topK = config.int('num_experts_per_tok', { min: 1, max: experts, default: defaults.topK });
  const routed = {
    hidden,
    experts,
    width: config.int('moe_intermediate_size', { min: 1, default: defaults.width }),
    rule: { kind: 'softmax', topK, renormalise: config.boolean('norm_topk_prob', false) },
  } as const;
  return (prefix, block) => {
    if (dense.has(block) || (block + 1) % step !== 0) {
      return { kind: 'dense', expert: swigluMlp(check, `${prefix}.mlp`, hidden, denseWidth), width: denseWidth };
    }
    const moe = swigluMoe(check, routed, mlpExperts(prefix));
    return shared === undefined ? moe : { ...moe, shared: shared(prefix) };
  };
}
