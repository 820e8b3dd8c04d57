import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ConfigReader } from '../checkpoint/config.ts';
import { ropeFrequencies } from './rope.ts';
import type { LayerSpec, ModelSpec, WeightRef } from './spec.ts';
import { TensorCheck } from './tensor_check.ts';

/**
 * OLMoE (config model_type `olmoe`): every layer is MoE; RMSNorm over the whole projected q and k before the head split;
 * softmax over all experts, renormalised over the chosen only if `norm_topk_prob` (default false); no shared expert.
 * Experts come one tensor each (`experts.E.gate_proj.weight`) or fused (`experts.gate_up_proj` [E, 2I, d], rows gate then up).
 */
export function readOlmoe(config: ConfigReader, checkpoint: Checkpoint): ModelSpec {
  const hidden = config.int('hidden_size', { min: 1 });
  const width = config.int('intermediate_size', { min: 1, default: 2048 });
  const layerCount = config.int('num_hidden_layers', { min: 1 });
  const heads = config.int('num_attention_heads', { min: 1 });
  const kvHeads = config.int('num_key_value_heads', { min: 1, default: heads });
  const experts = config.expertCount();
  const topK = config.int('num_experts_per_tok', { min: 1, max: experts });
  const vocab = config.int('vocab_size', { min: 1 });
  const epsilon = config.number('rms_norm_eps', { default: 1e-5 });
  const clip = config.optionalNumber('clip_qkv');
  const biased = config.boolean('attention_bias', false);
  const tied = config.boolean('tie_word_embeddings', false);
  config.multipleOf('hidden_size', hidden, heads);
  config.multipleOf('num_attention_heads', heads, kvHeads);
  config.only('hidden_act', ['silu'], 'silu');
  const headDim = hidden / heads;
  const positions = ropeFrequencies(config, headDim);

  const check = new TensorCheck(checkpoint);
  const linear = (name: string, outFeatures: number, inFeatures: number, bias: boolean) => ({
    weight: check.weight(`${name}.weight`, [outFeatures, inFeatures]),
    ...(bias && { bias: check.weight(`${name}.bias`, [outFeatures]) }),
    inFeatures,
    outFeatures,
  });
  const norm = (name: string) => ({ kind: 'rms', gain: check.weight(`${name}.weight`, [hidden]), epsilon }) as const;

  const layers = Array.from({ length: layerCount }, (_, block): LayerSpec => {
    const prefix = `model.layers.${block}`;
    const attention = `${prefix}.self_attn`;
    return {
      block,
      attentionNorm: norm(`${prefix}.input_layernorm`),
      attention: {
        kind: 'grouped',
        heads,
        kvHeads,
        headDim,
        query: linear(`${attention}.q_proj`, heads * headDim, hidden, biased),
        key: linear(`${attention}.k_proj`, kvHeads * headDim, hidden, biased),
        value: linear(`${attention}.v_proj`, kvHeads * headDim, hidden, biased),
        output: linear(`${attention}.o_proj`, hidden, heads * headDim, biased),
        queryKeyNorm: {
          over: 'all',
          query: check.weight(`${attention}.q_norm.weight`, [heads * headDim]),
          key: check.weight(`${attention}.k_norm.weight`, [kvHeads * headDim]),
          epsilon,
        },
        ...(clip !== undefined && { clip }),
        scale: headDim ** -0.5,
        positions,
      },
      feedForwardNorm: norm(`${prefix}.post_attention_layernorm`),
      feedForward: {
        kind: 'moe',
        router: linear(`${prefix}.mlp.gate`, experts, hidden, false),
        rule: { kind: 'softmax', topK, renormalise: config.boolean('norm_topk_prob', false) },
        experts,
        width,
        expert: expertTensors(check, `${prefix}.mlp.experts`, experts, width, hidden),
      },
      residualMultiplier: 1,
    };
  });
  const embedding = check.firstOf(['model.embed_tokens.weight', ...(tied ? ['lm_head.weight'] : [])], [vocab, hidden]);
  const head = tied ? embedding : check.weight('lm_head.weight', [vocab, hidden]);
  return {
    family: 'olmoe',
    hiddenSize: hidden,
    vocabSize: vocab,
    contextTokens: config.int('max_position_embeddings', { min: 1, default: 4096 }),
    embedding,
    embeddingMultiplier: 1,
    stacks: [{ kind: 'decoder', layers, finalNorm: norm('model.norm') }],
    head: { weight: head, inFeatures: hidden, outFeatures: vocab, multiplier: 1 },
    ignoredTensors: tied ? ['lm_head.weight', 'model.embed_tokens.weight'] : [],
  };
}

function expertTensors(check: TensorCheck, prefix: string, experts: number, width: number, hidden: number) {
  if (check.has(`${prefix}.gate_up_proj`)) {
    const gateUp = check.weight(`${prefix}.gate_up_proj`, [experts, 2 * width, hidden]).tensor;
    const down = check.weight(`${prefix}.down_proj`, [experts, hidden, width]).tensor;
    // Row ranges count rows of the matrix seen as [experts * rows, columns].
    const rows = (tensor: string, firstRow: number, count: number): WeightRef => ({ tensor, firstRow, rows: count });
    return (id: number) => ({
      kind: 'swiglu' as const,
      gate: rows(gateUp, id * 2 * width, width),
      up: rows(gateUp, id * 2 * width + width, width),
      down: rows(down, id * hidden, hidden),
    });
  }
  const shapes = { gate: [width, hidden], up: [width, hidden], down: [hidden, width] } as const;
  for (let id = 0; id < experts; id++) {
    for (const [part, shape] of Object.entries(shapes)) check.weight(`${prefix}.${id}.${part}_proj.weight`, shape);
  }
  return (id: number) => ({
    kind: 'swiglu' as const,
    gate: { tensor: `${prefix}.${id}.gate_proj.weight` },
    up: { tensor: `${prefix}.${id}.up_proj.weight` },
    down: { tensor: `${prefix}.${id}.down_proj.weight` },
  });
}
