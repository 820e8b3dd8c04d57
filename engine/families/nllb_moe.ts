import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ConfigReader } from '../checkpoint/config.ts';
import type { NllbRule } from '../gating/router.ts';
import { layerNorm, readActivation, readLayers } from './nllb_layers.ts';
import type { ModelSpec, StackSpec } from './spec.ts';
import { TensorCheck } from './tensor_check.ts';

/**
 * NLLB-MoE (config model_type `nllb-moe`): an encoder-decoder with one tied embedding, scaled, sinusoidal positions, pre-LayerNorm,
 * biases everywhere; layer i is sparse where (i + 1) mod the stack's sparse step is 0. Absent keys have the defaults of the class.
 * Library checkpoints name tensors `model.encoder...`, the released one `encoder...`.
 */
export function readNllbMoe(config: ConfigReader, checkpoint: Checkpoint): ModelSpec {
  const hidden = config.int('d_model', { min: 4, default: 1024 });
  const vocab = config.int('vocab_size', { min: 1, default: 128_112 });
  const experts = config.expertCount();
  const tied = config.boolean('tie_word_embeddings', true);
  const padToken = config.int('pad_token_id', { default: 1 });
  const check = new TensorCheck(checkpoint);
  const prefix = check.has('model.decoder.layer_norm.weight') ? 'model.' : '';
  const rule = readRule(config);
  const stack = (kind: StackSpec['kind']): StackSpec => {
    const heads = config.int(`${kind}_attention_heads`, { min: 1, default: 16 });
    config.multipleOf('d_model', hidden, heads);
    return {
      kind,
      layers: readLayers(check, `${prefix}${kind}`, {
        hidden,
        heads,
        width: config.int(`${kind}_ffn_dim`, { min: 1, default: 4096 }),
        activation: readActivation(config, 'activation_function'),
        layers: config.int(`${kind}_layers`, { min: 1, default: 12 }),
        sparseStep: config.int(`${kind}_sparse_step`, { default: 4 }),
        experts,
        rule,
        routerBias: config.boolean('router_bias', false),
        cross: kind === 'decoder',
      }),
      finalNorm: layerNorm(check, `${prefix}${kind}.layer_norm`, hidden),
      embeddingPositions: { kind: 'sinusoid', padToken },
    };
  };
  const aliases = ['shared.weight', 'encoder.embed_tokens.weight', 'decoder.embed_tokens.weight'].map(
    (name) => prefix + name,
  );
  const embedding = check.firstOf([...aliases, ...(tied ? ['lm_head.weight'] : [])], [vocab, hidden]);
  return {
    family: 'nllb-moe',
    hiddenSize: hidden,
    vocabSize: vocab,
    contextTokens: config.int('max_position_embeddings', { min: 1, default: 1024 }),
    embedding,
    embeddingMultiplier: config.boolean('scale_embedding', true) ? Math.sqrt(hidden) : 1,
    stacks: [stack('encoder'), stack('decoder')],
    head: {
      weight: tied ? embedding : check.weight('lm_head.weight', [vocab, hidden]),
      inFeatures: hidden,
      outFeatures: vocab,
      multiplier: 1,
    },
    decoderStartToken: config.int('decoder_start_token_id', { default: 2 }),
    ignoredTensors: tied ? [...aliases, 'lm_head.weight'] : aliases,
  };
}

function readRule(config: ConfigReader): NllbRule {
  // `sampling` and `random` draw numbers at inference too: no two runs would agree.
  config.only('second_expert_policy', ['all'], 'all');
  const fraction = config.number('moe_eval_capacity_token_fraction', { default: 1 });
  const tokens = config.holdsNull('expert_capacity') ? undefined : config.int('expert_capacity', { default: 64 });
  return {
    kind: 'nllb',
    topK: 2,
    capacity:
      fraction > 0
        ? { kind: 'fraction', fraction }
        : tokens === undefined
          ? { kind: 'even' }
          : { kind: 'fixed', tokens },
    prioritised: config.boolean('batch_prioritized_routing', false),
    normalise: config.boolean('normalize_router_prob_before_dropping', false) ? 'before-dropping' : 'after-dropping',
    factor: 1 - config.number('moe_token_dropout', { min: 0, max: 1, default: 0.2 }),
    // The flag reads inverted: where it is false, padding is not routed.
    skipsPadding: !config.boolean('router_ignore_padding_tokens', false),
  };
}
