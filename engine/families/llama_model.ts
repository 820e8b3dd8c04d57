import type { ConfigReader } from '../checkpoint/config.ts';
import type { AttentionSpec } from './attention_spec.ts';
import { type RopePositions, readRope } from './rope.ts';
import type { FeedForwardSpec, LayerSpec, LinearSpec, ModelSpec, NormSpec } from './spec.ts';
import type { TensorCheck } from './tensor_check.ts';

/** What an architecture's class takes for keys that config.json leaves out. */
export interface LlamaDefaults {
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  /** As many as heads where undefined. */
  readonly kvHeads?: number;
  /** hidden / heads where undefined. */
  readonly headDim?: number;
  readonly vocab: number;
  readonly contextTokens: number;
  readonly epsilon: number;
  readonly theta: number;
  /** Of rotary positions; plain where undefined. */
  readonly scaling?: Readonly<Record<string, unknown>>;
}

/** Sizes that config.json states in the same keys for every decoder in the manner of Llama. */
export interface LlamaShape {
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocab: number;
  readonly contextTokens: number;
  readonly epsilon: number;
  readonly tied: boolean;
}

/** A decoder of pre-norm layers over one embedding: what differs between architectures is in the functions. */
export interface LlamaVariant {
  readonly family: string;
  /** A norm's tensors by their prefix. */
  norm(name: string): NormSpec;
  /** @param prefix of the layer's tensors, `model.layers.N` */
  attention(prefix: string, block: number): AttentionSpec;
  feedForward(prefix: string, block: number): FeedForwardSpec;
  readonly embeddingMultiplier?: number;
  readonly residualMultiplier?: number;
  readonly logitsMultiplier?: number;
  readonly headBias?: boolean;
}

/** @throws EngineRefusal for sizes that do not go together, or an activation other than SiLU */
export function readLlamaShape(config: ConfigReader, defaults: LlamaDefaults): LlamaShape {
  const hidden = config.int('hidden_size', { min: 1, default: defaults.hidden });
  const heads = config.int('num_attention_heads', { min: 1, default: defaults.heads });
  // Here `null` is not the class's default: it asks for a key head per head.
  const kvDefault = config.holdsNull('num_key_value_heads') ? heads : (defaults.kvHeads ?? heads);
  const kvHeads = config.int('num_key_value_heads', { min: 1, default: kvDefault });
  config.multipleOf('num_attention_heads', heads, kvHeads);
  config.only('hidden_act', ['silu', 'swish'], 'silu');
  let headDim = config.optionalInt('head_dim', { min: 1 }) ?? defaults.headDim;
  if (headDim === undefined) {
    config.multipleOf('hidden_size', hidden, heads);
    headDim = hidden / heads;
  }
  return {
    ...{ hidden, heads, kvHeads, headDim },
    layers: config.int('num_hidden_layers', { min: 1, default: defaults.layers }),
    vocab: config.int('vocab_size', { min: 1, default: defaults.vocab }),
    contextTokens: config.int('max_position_embeddings', { min: 1, default: defaults.contextTokens }),
    epsilon: config.number('rms_norm_eps', { min: 0, default: defaults.epsilon }),
    tied: config.boolean('tie_word_embeddings', false),
  };
}

/** Rotary positions over whole heads. */
export function readHeadRope(
  config: ConfigReader,
  shape: LlamaShape,
  { theta, scaling }: LlamaDefaults,
): RopePositions {
  const { headDim, contextTokens } = shape;
  return readRope(config, {
    dim: headDim,
    defaultTheta: theta,
    contextTokens,
    ...(scaling && { defaultScaling: scaling }),
  });
}

/** The norm of Llama: `NAME.weight` [hidden]. */
export function rmsNorm(check: TensorCheck, { hidden, epsilon }: LlamaShape): (name: string) => NormSpec {
  return (name) => ({ kind: 'rms', gain: check.weight(`${name}.weight`, [hidden]), epsilon });
}

/** y = x W^T, with `NAME.bias` where `biased`. */
export function linearOf(
  check: TensorCheck,
  name: string,
  outFeatures: number,
  inFeatures: number,
  biased = false,
): LinearSpec {
  return {
    weight: check.weight(`${name}.weight`, [outFeatures, inFeatures]),
    ...(biased && { bias: check.weight(`${name}.bias`, [outFeatures]) }),
    inFeatures,
    outFeatures,
  };
}

/** Embedding, `model.layers.N`, final norm and head. A tied head has no tensor of its own; which of both names is stored varies. */
export function llamaModel(check: TensorCheck, shape: LlamaShape, variant: LlamaVariant): ModelSpec {
  const { hidden, vocab, contextTokens, tied } = shape;
  const { residualMultiplier = 1, embeddingMultiplier = 1, logitsMultiplier = 1, headBias = false } = variant;
  const layers = Array.from({ length: shape.layers }, (_, block): LayerSpec => {
    const prefix = `model.layers.${block}`;
    return {
      block,
      attentionNorm: variant.norm(`${prefix}.input_layernorm`),
      attention: variant.attention(prefix, block),
      feedForwardNorm: variant.norm(`${prefix}.post_attention_layernorm`),
      feedForward: variant.feedForward(prefix, block),
      residualMultiplier,
    };
  });
  const aliases = ['model.embed_tokens.weight', 'lm_head.weight'] as const;
  const embedding = check.firstOf(tied ? aliases : [aliases[0]], [vocab, hidden]);
  return {
    family: variant.family,
    hiddenSize: hidden,
    vocabSize: vocab,
    contextTokens,
    embedding,
    embeddingMultiplier,
    stacks: [{ kind: 'decoder', layers, finalNorm: variant.norm('model.norm') }],
    head: {
      weight: tied ? embedding : check.weight(aliases[1], [vocab, hidden]),
      ...(headBias && { bias: check.weight('lm_head.bias', [vocab]) }),
      inFeatures: hidden,
      outFeatures: vocab,
      multiplier: logitsMultiplier,
    },
    ignoredTensors: tied ? aliases : [],
  };
}
