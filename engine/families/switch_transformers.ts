import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ConfigReader } from '../checkpoint/config.ts';
import type { GroupedAttentionSpec, PositionSpec } from './attention_spec.ts';
import { readActivation } from './nllb_layers.ts';
import type { ExpertSpec, FeedForwardSpec, LayerSpec, ModelSpec, NormSpec, StackSpec } from './spec.ts';
import { TensorCheck } from './tensor_check.ts';

/**
 * Switch Transformers (config model_type `switch_transformers`): T5's encoder-decoder with one expert a token. RMSNorm before each
 * part, no biases, scores not scaled, relative positions in buckets (one table a stack, stored in its first block), none in
 * cross-attention; a tied head scales its input by d^-1/2. Absent keys have the defaults of the class.
 */
export function readSwitchTransformers(config: ConfigReader, checkpoint: Checkpoint): ModelSpec {
  const hidden = config.int('d_model', { min: 1, default: 768 });
  const vocab = config.int('vocab_size', { min: 1, default: 32_128 });
  const tied = config.boolean('tie_word_embeddings', true);
  const check = new TensorCheck(checkpoint);
  const aliases = ['shared.weight', 'encoder.embed_tokens.weight', 'decoder.embed_tokens.weight'];
  const embedding = check.firstOf([...aliases, ...(tied ? ['lm_head.weight'] : [])], [vocab, hidden]);
  const reader = new StackReader(config, check, hidden);
  return {
    family: 'switch_transformers',
    hiddenSize: hidden,
    vocabSize: vocab,
    contextTokens: config.int('n_positions', { min: 1, default: 512 }),
    embedding,
    embeddingMultiplier: 1,
    stacks: [reader.read('encoder'), reader.read('decoder')],
    head: {
      weight: tied ? embedding : check.weight('lm_head.weight', [vocab, hidden]),
      inFeatures: hidden,
      outFeatures: vocab,
      multiplier: tied ? hidden ** -0.5 : 1,
    },
    decoderStartToken: config.int('decoder_start_token_id', { default: 0 }),
    ignoredTensors: tied ? [...aliases, 'lm_head.weight'] : aliases,
  };
}

class StackReader {
  private readonly heads: number;
  private readonly headDim: number;
  private readonly epsilon: number;

  constructor(
    private readonly config: ConfigReader,
    private readonly check: TensorCheck,
    private readonly hidden: number,
  ) {
    this.heads = config.int('num_heads', { min: 1, default: 12 });
    this.headDim = config.int('d_kv', { min: 1, default: 64 });
    this.epsilon = config.number('layer_norm_epsilon', { default: 1e-6 });
  }

  read(kind: StackSpec['kind']): StackSpec {
    const { config } = this;
    const encoderLayers = config.int('num_layers', { min: 1, default: 12 });
    const count =
      kind === 'encoder' ? encoderLayers : config.int('num_decoder_layers', { min: 1, default: encoderLayers });
    const sparse = config.int(`num_sparse_${kind}_layers`, { default: 3 });
    // No sparse layers asked for still makes block 1 sparse: the reference sets the step to the number of layers.
    const step = config.optionalInt(`${kind}_sparse_step`) ?? (sparse > 0 ? Math.floor(count / sparse) : count);
    const isSparse = (block: number) => step > 0 && (step === 1 || block % step === 1);
    return {
      kind,
      layers: Array.from({ length: count }, (_, block) => this.layer(kind, block, isSparse(block))),
      finalNorm: this.norm(`${kind}.final_layer_norm`),
    };
  }

  private layer(kind: StackSpec['kind'], block: number, sparse: boolean): LayerSpec {
    const at = `${kind}.block.${block}.layer`;
    const last = `${at}.${kind === 'encoder' ? 1 : 2}`;
    return {
      block,
      attentionNorm: this.norm(`${at}.0.layer_norm`),
      attention: this.attention(`${at}.0.SelfAttention`, this.relative(kind)),
      ...(kind === 'decoder' && {
        crossAttention: {
          norm: this.norm(`${at}.1.layer_norm`),
          attention: this.attention(`${at}.1.EncDecAttention`, { kind: 'none' }),
        },
      }),
      feedForwardNorm: this.norm(`${last}.layer_norm`),
      feedForward: this.feedForward(`${last}.mlp`, sparse),
      residualMultiplier: 1,
    };
  }

  private norm(name: string): NormSpec {
    return { kind: 'rms', gain: this.check.weight(`${name}.weight`, [this.hidden]), epsilon: this.epsilon };
  }

  private relative(kind: StackSpec['kind']): PositionSpec {
    const buckets = this.config.int('relative_attention_num_buckets', { min: 4, default: 32 });
    const table = `${kind}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`;
    return {
      kind: 'relative-buckets',
      table: this.check.weight(table, [buckets, this.heads]),
      buckets,
      maxDistance: this.config.int('relative_attention_max_distance', { min: buckets, default: 128 }),
      bidirectional: kind === 'encoder',
    };
  }

  private attention(prefix: string, positions: PositionSpec): GroupedAttentionSpec {
    const { heads, headDim, hidden, check } = this;
    const inner = heads * headDim;
    const projection = (part: string, outFeatures: number, inFeatures: number) => ({
      weight: check.weight(`${prefix}.${part}.weight`, [outFeatures, inFeatures]),
      inFeatures,
      outFeatures,
    });
    return {
      kind: 'grouped',
      heads,
      kvHeads: heads,
      headDim,
      query: projection('q', inner, hidden),
      key: projection('k', inner, hidden),
      value: projection('v', inner, hidden),
      output: projection('o', hidden, inner),
      scale: 1,
      positions,
    };
  }

  private feedForward(prefix: string, sparse: boolean): FeedForwardSpec {
    const { config, check, hidden } = this;
    const width = config.int('d_ff', { min: 1, default: 2048 });
    const activation = readActivation(config, 'dense_act_fn');
    const mlp = (at: string): ExpertSpec => ({
      kind: 'mlp',
      first: check.weight(`${at}.wi.weight`, [width, hidden]),
      second: check.weight(`${at}.wo.weight`, [hidden, width]),
      activation,
    });
    if (!sparse) return { kind: 'dense', expert: mlp(prefix), width };
    const experts = config.expertCount();
    const all = Array.from({ length: experts }, (_, id) => mlp(`${prefix}.experts.expert_${id}`));
    const router = `${prefix}.router.classifier`;
    return {
      kind: 'moe',
      router: {
        weight: check.weight(`${router}.weight`, [experts, hidden]),
        ...(config.boolean('router_bias', false) && { bias: check.weight(`${router}.bias`, [experts]) }),
        inFeatures: hidden,
        outFeatures: experts,
      },
      rule: { kind: 'switch', topK: 1, capacity: config.int('expert_capacity', { default: 64 }) },
      experts,
      width,
      expert: (id) => all[id] as ExpertSpec,
    };
  }
}
