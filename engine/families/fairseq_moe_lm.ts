import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ConfigReader } from '../checkpoint/config.ts';
import { layerNorm, readActivation, readLayers } from './nllb_layers.ts';
import type { ModelSpec } from './spec.ts';
import { TensorCheck } from './tensor_check.ts';

/**
 * The paper's language model (Table I, "LM"), config model_type `fairseq_moe_lm`: a name and a config of our own, since no
 * checkpoint of it was released. It is the decoder of NLLB-MoE without cross-attention: pre-LayerNorm, sinusoidal positions,
 * experts of two matrices with biases, softmax over all experts with the top 2 normalised over the two, MoE in every
 * `moe_interval`-th layer, one tied embedding.
 *
 * config:  vocab_size, d_model, decoder_layers, decoder_attention_heads, decoder_ffn_dim, num_experts, moe_interval (2; 0 for
 *          none), num_experts_per_tok (2), router_bias (false), activation_function (relu), scale_embedding (true),
 *          max_position_embeddings (2048), pad_token_id (1): the first token stands at position pad_token_id + 1
 * tensors: decoder.embed_tokens.weight [vocab, d], decoder.layer_norm.{weight,bias}, and in decoder.layers.i
 *          self_attn.{q,k,v,out}_proj, self_attn_layer_norm, ff_layer_norm, and ffn.{fc1,fc2} in a dense layer or
 *          ffn.router.classifier.weight [E, d] (.bias [E] with router_bias) and ffn.experts.expert_e.{fc1,fc2} in a sparse
 *          one; all but the router and the embedding with .weight and .bias
 */
export function readFairseqMoeLm(config: ConfigReader, checkpoint: Checkpoint): ModelSpec {
  const hidden = config.int('d_model', { min: 4 });
  const heads = config.int('decoder_attention_heads', { min: 1 });
  const vocab = config.int('vocab_size', { min: 1 });
  const experts = config.expertCount();
  const topK = config.int('num_experts_per_tok', { min: 1, max: experts, default: 2 });
  config.multipleOf('d_model', hidden, heads);
  const check = new TensorCheck(checkpoint);
  const layers = readLayers(check, 'decoder', {
    hidden,
    heads,
    width: config.int('decoder_ffn_dim', { min: 1 }),
    activation: readActivation(config, 'activation_function'),
    layers: config.int('decoder_layers', { min: 1 }),
    sparseStep: config.int('moe_interval', { min: 0, default: 2 }),
    experts,
    rule: { kind: 'softmax', topK, renormalise: true },
    routerBias: config.boolean('router_bias', false),
    cross: false,
  });
  const embedding = check.weight('decoder.embed_tokens.weight', [vocab, hidden]);
  return {
    family: 'fairseq_moe_lm',
    hiddenSize: hidden,
    vocabSize: vocab,
    contextTokens: config.int('max_position_embeddings', { min: 1, default: 2048 }),
    embedding,
    embeddingMultiplier: config.boolean('scale_embedding', true) ? Math.sqrt(hidden) : 1,
    stacks: [
      {
        kind: 'decoder',
        layers,
        finalNorm: layerNorm(check, 'decoder.layer_norm', hidden),
        embeddingPositions: { kind: 'sinusoid', padToken: config.int('pad_token_id', { default: 1 }) },
      },
    ],
    head: { weight: embedding, inFeatures: hidden, outFeatures: vocab, multiplier: 1 },
    ignoredTensors: [],
  };
}
