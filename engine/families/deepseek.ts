import { EngineRefusal } from '../api.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ConfigReader } from '../checkpoint/config.ts';
import type { GroupLimitedRule } from '../gating/group_limited.ts';
import { readLatentAttention } from './latent_attention.ts';
import { type LlamaDefaults, type LlamaShape, llamaModel, readLlamaShape, rmsNorm } from './llama_model.ts';
import type { FeedForwardSpec, ModelSpec } from './spec.ts';
import { mlpExperts, swigluMlp, swigluMoe } from './swiglu_experts.ts';
import { TensorCheck } from './tensor_check.ts';

interface DeepseekDefaults extends LlamaDefaults {
  readonly denseWidth: number;
  readonly width: number;
  readonly experts: number;
  readonly shared: number;
  readonly firstSparse: number;
}

const V2: DeepseekDefaults = {
  ...{ hidden: 4096, layers: 32, heads: 32, headDim: 128, vocab: 102_400, contextTokens: 2048 },
  ...{ epsilon: 1e-6, theta: 10_000, denseWidth: 11_008, width: 1407, experts: 64, shared: 2, firstSparse: 0 },
};
const V3: DeepseekDefaults = {
  ...{ hidden: 7168, layers: 61, heads: 128, headDim: 64, vocab: 129_280, contextTokens: 4096 },
  ...{ epsilon: 1e-6, theta: 10_000, denseWidth: 18_432, width: 2048, experts: 256, shared: 1, firstSparse: 3 },
};

/**
 * DeepSeek-V2 (config model_type `deepseek_v2`): softmax over all experts, the best of all (`greedy`) or of the groups with the best
 * expert, times routed_scaling_factor. `norm_topk_prob` is not looked at, as in the library; every release has it false.
 */
export function readDeepseekV2(config: ConfigReader, checkpoint: Checkpoint): ModelSpec {
  config.only('scoring_func', ['softmax'], 'softmax');
  config.only('topk_method', ['greedy', 'group_limited_greedy'], 'greedy');
  const limited = config.string('topk_method', 'greedy') === 'group_limited_greedy';
  const experts = config.expertCount(V2.experts);
  return readDeepseek(config, checkpoint, 'deepseek_v2', V2, {
    score: 'softmax',
    ...(limited ? readGroups(config, experts) : { groups: 1, keptGroups: 1 }),
    topK: config.int('num_experts_per_tok', { min: 1, max: experts }),
    worthOf: 1,
    renormalise: false,
    factor: config.number('routed_scaling_factor', { default: 1 }),
  });
}

/**
 * DeepSeek-V3 (config model_type `deepseek_v3`): sigmoid scores, a correction bias that chooses and does not weigh, groups by their two
 * best; weights normalised over the chosen if `norm_topk_prob`, times routed_scaling_factor either way. Layers beyond
 * num_hidden_layers predict several tokens at once and are left alone.
 */
export function readDeepseekV3(config: ConfigReader, checkpoint: Checkpoint): ModelSpec {
  config.only('scoring_func', ['sigmoid'], 'sigmoid');
  const experts = config.expertCount(V3.experts);
  return readDeepseek(config, checkpoint, 'deepseek_v3', V3, {
    score: 'sigmoid',
    ...readGroups(config, experts, { groups: 8, keptGroups: 4 }),
    topK: config.int('num_experts_per_tok', { min: 1, max: experts, default: 8 }),
    worthOf: 2,
    renormalise: config.boolean('norm_topk_prob', true),
    factor: config.number('routed_scaling_factor', { default: 2.5 }),
  });
}

type Rule = Omit<GroupLimitedRule, 'kind'>;

/** @param defaults those of the class, where it has any */
function readGroups(
  config: ConfigReader,
  experts: number,
  defaults?: Pick<Rule, 'groups' | 'keptGroups'>,
): Pick<Rule, 'groups' | 'keptGroups'> {
  const groups = config.int('n_group', { min: 1, max: experts, ...(defaults && { default: defaults.groups }) });
  config.multipleOf('n_routed_experts', experts, groups);
  const keptGroups = config.int('topk_group', {
    min: 1,
    max: groups,
    ...(defaults && { default: defaults.keptGroups }),
  });
  return { groups, keptGroups };
}

function readDeepseek(
  config: ConfigReader,
  checkpoint: Checkpoint,
  family: string,
  defaults: DeepseekDefaults,
  rule: Rule,
): ModelSpec {
  const shape = readLlamaShape(config, defaults);
  const check = new TensorCheck(checkpoint);
  const interleaved = family === 'deepseek_v2' || config.boolean('rope_interleave', true);
  const model = llamaModel(check, shape, {
    family,
    norm: rmsNorm(check, shape),
    attention: readLatentAttention(config, check, shape, defaults, interleaved),
    feedForward: readFeedForward(config, check, shape, defaults, rule),
  });
  const beyond = (name: string) => Number(/^model\.layers\.(\d+)\./.exec(name)?.[1] ?? -1) >= shape.layers;
  const extra = [...checkpoint.tensors.keys()].filter(beyond);
  return { ...model, ignoredTensors: [...model.ignoredTensors, ...extra] };
}

/**
 * Layer l is MoE from first_k_dense_replace on, in DeepSeek's own code only where l mod moe_layer_freq is 0; the library does not look
 * at that, so a checkpoint it wrote has a router in the others too, and is believed. Shared experts are one SwiGLU, without a gate.
 */
function readFeedForward(
  config: ConfigReader,
  check: TensorCheck,
  { hidden }: LlamaShape,
  defaults: DeepseekDefaults,
  rule: Rule,
): (prefix: string, block: number) => FeedForwardSpec {
  const experts = config.expertCount(defaults.experts);
  const size = experts / rule.groups;
  if (rule.topK > rule.keptGroups * size || rule.worthOf > size) {
    throw new EngineRefusal(
      `${config.name}: ${rule.topK} experts a token cannot be chosen out of ${rule.keptGroups} groups of ${size}; correct n_group, topk_group or num_experts_per_tok.`,
    );
  }
  if (config.boolean('mlp_bias', false)) {
    throw new EngineRefusal(
      `${config.name}: mlp_bias is true and experts with biases are not known of this architecture.`,
    );
  }
  const first = config.int('first_k_dense_replace', { default: defaults.firstSparse });
  const every = config.int('moe_layer_freq', { min: 1, default: 1 });
  const denseWidth = config.int('intermediate_size', { min: 1, default: defaults.denseWidth });
  const width = config.int('moe_intermediate_size', { min: 1, default: defaults.width });
  const sharedWidth =
    width * (config.holdsNull('n_shared_experts') ? 0 : config.int('n_shared_experts', { default: defaults.shared }));
  const routed = { hidden, experts, width, rule: { kind: 'group-limited', ...rule } } as const;
  return (prefix, block) => {
    const names = mlpExperts(prefix);
    const sparse = block >= first && (block % every === 0 || names.router.some((name) => check.has(name)));
    if (!sparse) {
      return { kind: 'dense', expert: swigluMlp(check, `${prefix}.mlp`, hidden, denseWidth), width: denseWidth };
    }
    return {
      ...swigluMoe(check, routed, names),
      ...(rule.score === 'sigmoid' && {
        choiceBias: check.weight(`${prefix}.mlp.gate.e_score_correction_bias`, [experts]),
      }),
      ...(sharedWidth > 0 && {
        shared: { expert: swigluMlp(check, `${prefix}.mlp.shared_experts`, hidden, sharedWidth), width: sharedWidth },
      }),
    };
  };
}
