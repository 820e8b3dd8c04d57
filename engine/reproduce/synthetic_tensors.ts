import { RandomWeights } from '../checkpoint/random_weights.ts';
import type { StreamedTensor } from '../checkpoint/safetensors_stream.ts';
import type { RoutingTrace } from '../trace/trace.ts';
import { busiestEighth, layerCounts, popularityBias, routerDeviation } from './popularity.ts';
import { type PaperShape, scaled } from './shapes.ts';

/** As usual for initial weights; keeps activations finite through all layers. */
const WEIGHT_DEVIATION = 0.02;

/**
 * Of embeddings, over that of position vectors. Positions are much alike from token to token: were they as large as what tells
 * tokens apart, a few experts would be everybody's first choice, whatever their bias.
 */
const EMBEDDING_DEVIATION = 8;

export type Density = 'moe' | 'dense';

/** config.json of a scaled shape: `nllb-moe` with an encoder, `fairseq_moe_lm` without; `dense` has no expert layers. */
export function syntheticConfig(shape: PaperShape, density: Density): Readonly<Record<string, unknown>> {
  const { hidden, width, vocab } = scaled(shape);
  const { encoderLayers, decoderLayers, heads, experts, topK } = shape;
  const interval = density === 'dense' ? 0 : shape.interval;
  const common = {
    vocab_size: vocab,
    d_model: hidden,
    decoder_layers: decoderLayers,
    decoder_attention_heads: heads,
    decoder_ffn_dim: width,
    num_experts: experts,
    router_bias: true,
    max_position_embeddings: 512,
    scale_embedding: true,
    bos_token_id: 0,
    pad_token_id: 1,
    eos_token_id: 2,
  };
  if (encoderLayers === 0)
    return { model_type: 'fairseq_moe_lm', ...common, moe_interval: interval, num_experts_per_tok: topK };
  return {
    model_type: 'nllb-moe',
    ...common,
    encoder_layers: encoderLayers,
    encoder_attention_heads: heads,
    encoder_ffn_dim: width,
    encoder_sparse_step: interval,
    decoder_sparse_step: interval,
    moe_eval_capacity_token_fraction: 1,
    moe_token_dropout: 0,
    decoder_start_token_id: 2,
  };
}

/** Tensors of a scaled shape in the order of the file, named as its architecture names them. */
export function syntheticTensors(
  shape: PaperShape,
  density: Density,
  routing: RoutingTrace,
  seed: number,
): StreamedTensor[] {
  const { hidden, width, vocab } = scaled(shape);
  const weights = new RandomWeights(seed);
  const linear = (name: string, rows: number, columns: number) => [
    weights.normal(`${name}.weight`, [rows, columns], WEIGHT_DEVIATION),
    weights.constant(`${name}.bias`, [rows], 0),
  ];
  const norm = (name: string) => [
    weights.constant(`${name}.weight`, [hidden], 1),
    weights.constant(`${name}.bias`, [hidden], 0),
  ];
  const attention = (name: string) =>
    ['q', 'k', 'v', 'out'].flatMap((part) => linear(`${name}.${part}_proj`, hidden, hidden));
  const mlp = (name: string) => [...linear(`${name}.fc1`, width, hidden), ...linear(`${name}.fc2`, hidden, width)];
  let moe = 0;
  const feedForward = (name: string, block: number): StreamedTensor[] => {
    if (density === 'dense' || (block + 1) % shape.interval !== 0) return mlp(name);
    const router = `${name}.router.classifier`;
    const bias = popularityBias(routing, moe, shape.experts);
    const busiest = busiestEighth(layerCounts(routing, moe % routing.moeLayers));
    const deviation = routerDeviation(bias, shape.topK, busiest, weights.standard);
    moe++;
    return [
      // A normed token has length sqrt(hidden): its product with a row of the weight has this deviation.
      weights.normal(`${router}.weight`, [shape.experts, hidden], deviation / Math.sqrt(hidden)),
      weights.values(`${router}.bias`, [shape.experts], bias),
      ...Array.from({ length: shape.experts }, (_, id) => mlp(`${name}.experts.expert_${id}`)).flat(),
    ];
  };
  const stack = (prefix: string, layers: number, cross: boolean): StreamedTensor[] => [
    ...Array.from({ length: layers }, (_, block) => {
      const at = `${prefix}.layers.${block}`;
      return [
        ...attention(`${at}.self_attn`),
        ...norm(`${at}.self_attn_layer_norm`),
        ...(cross ? [...attention(`${at}.cross_attention`), ...norm(`${at}.cross_attention_layer_norm`)] : []),
        ...feedForward(`${at}.ffn`, block),
        ...norm(`${at}.ff_layer_norm`),
      ];
    }).flat(),
    ...norm(`${prefix}.layer_norm`),
  ];
  const embedding = (name: string) => weights.normal(name, [vocab, hidden], EMBEDDING_DEVIATION * hidden ** -0.5);
  if (shape.encoderLayers === 0)
    return [embedding('decoder.embed_tokens.weight'), ...stack('decoder', shape.decoderLayers, false)];
  return [
    embedding('model.shared.weight'),
    ...stack('model.encoder', shape.encoderLayers, false),
    ...stack('model.decoder', shape.decoderLayers, true),
  ];
}
