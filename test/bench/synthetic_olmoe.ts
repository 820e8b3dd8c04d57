import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { RandomWeights } from '../../engine/checkpoint/random_weights.ts';
import { type StreamedTensor, streamSafetensors } from '../../engine/checkpoint/safetensors_stream.ts';

export interface SyntheticShape {
  readonly hidden: number;
  /** Of one expert. */
  readonly width: number;
  readonly layers: number;
  readonly experts: number;
  readonly topK: number;
  /** 8 where nothing is said. */
  readonly heads?: number;
  /** Whether the weights of a token's experts are made to add up to 1, as they are unless said otherwise. */
  readonly normalizedTopK?: boolean;
}

/** Tokens of the demo model's tokenizer, which the folder gets. */
const VOCAB = 3584;

/**
 * Writes an OLMoE checkpoint of random BF16 weights (normal, standard deviation 0.02) with experts of any size, tensor by tensor.
 * @param tokenizerFrom model folder whose tokenizer files are copied
 */
export function writeSyntheticOlmoe(folder: string, shape: SyntheticShape, tokenizerFrom: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config(shape), undefined, 2));
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) {
    copyFileSync(path.join(tokenizerFrom, file), path.join(folder, file));
  }
  mkdirSync(path.join(folder, 'samples'), { recursive: true });
  copyFileSync(path.join(tokenizerFrom, 'samples/english.txt'), path.join(folder, 'samples/english.txt'));
  streamSafetensors(path.join(folder, 'model.safetensors'), tensors(shape));
}

function config({ hidden, width, layers, experts, topK, heads = 8, normalizedTopK = true }: SyntheticShape) {
  return {
    architectures: ['OlmoeForCausalLM'],
    model_type: 'olmoe',
    hidden_size: hidden,
    intermediate_size: width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: heads,
    num_experts: experts,
    num_experts_per_tok: topK,
    norm_topk_prob: normalizedTopK,
    vocab_size: VOCAB,
    max_position_embeddings: 1024,
    rope_theta: 10_000,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
    hidden_act: 'silu',
    eos_token_id: 0,
  };
}

/** Tensors in the order of the file; vectors are gains of norms. */
function tensors({ hidden, width, layers, experts }: SyntheticShape): StreamedTensor[] {
  const weights = new RandomWeights(1);
  const matrix = (name: string, rows: number, columns: number) => weights.normal(name, [rows, columns], 0.02);
  const gain = (name: string) => weights.constant(name, [hidden], 1);
  const list = [matrix('model.embed_tokens.weight', VOCAB, hidden), gain('model.norm.weight')];
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `model.layers.${layer}`;
    for (const name of ['input_layernorm', 'post_attention_layernorm', 'self_attn.q_norm', 'self_attn.k_norm']) {
      list.push(gain(`${prefix}.${name}.weight`));
    }
    for (const name of ['q', 'k', 'v', 'o'])
      list.push(matrix(`${prefix}.self_attn.${name}_proj.weight`, hidden, hidden));
    list.push(matrix(`${prefix}.mlp.gate.weight`, experts, hidden));
    for (let expert = 0; expert < experts; expert++) {
      const own = `${prefix}.mlp.experts.${expert}`;
      list.push(matrix(`${own}.gate_proj.weight`, width, hidden), matrix(`${own}.up_proj.weight`, width, hidden));
      list.push(matrix(`${own}.down_proj.weight`, hidden, width));
    }
  }
  return list;
}
