import { closeSync, copyFileSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';

export interface SparseShape {
  readonly hidden: number;
  readonly width: number;
  readonly layers: number;
  readonly experts: number;
  readonly topK: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocab: number;
  readonly shards: number;
}

/** Qwen3-30B-A3B: 30,532,122,624 parameters, 61 GB as BF16. */
export const QWEN3_30B: SparseShape = {
  ...{ hidden: 2048, width: 768, layers: 48, experts: 128, topK: 8 },
  ...{ heads: 32, kvHeads: 4, headDim: 128, vocab: 151_936, shards: 16 },
};

/**
 * Writes a Qwen3-MoE checkpoint of BF16 zeros as sparse files: it has its full length and takes a few MB on the disk.
 * @param tokenizerFrom model folder whose tokenizer files are copied; its ids are a part of the vocabulary
 * @returns bytes that the checkpoint claims
 */
export function writeSparseQwen3(folder: string, shape: SparseShape, tokenizerFrom: string): number {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config(shape)));
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(path.join(tokenizerFrom, file), path.join(folder, file));
  const tensors = [...tensorsOf(shape)];
  const weightMap: Record<string, string> = {};
  const each = Math.ceil(tensors.length / shape.shards);
  let total = 0;
  for (let shard = 0; shard * each < tensors.length; shard++) {
    const name = `model-${String(shard + 1).padStart(5, '0')}-of-${String(shape.shards).padStart(5, '0')}.safetensors`;
    const own = tensors.slice(shard * each, (shard + 1) * each);
    for (const [tensor] of own) weightMap[tensor] = name;
    total += writeZeros(path.join(folder, name), own);
  }
  const index = { metadata: { total_size: total }, weight_map: weightMap };
  writeFileSync(path.join(folder, 'model.safetensors.index.json'), JSON.stringify(index));
  return total;
}

function config(shape: SparseShape) {
  return {
    model_type: 'qwen3_moe',
    hidden_size: shape.hidden,
    intermediate_size: 3 * shape.hidden,
    moe_intermediate_size: shape.width,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.kvHeads,
    head_dim: shape.headDim,
    num_experts: shape.experts,
    num_experts_per_tok: shape.topK,
    norm_topk_prob: true,
    vocab_size: shape.vocab,
    max_position_embeddings: 40_960,
    rope_theta: 1_000_000,
    rms_norm_eps: 1e-6,
    tie_word_embeddings: false,
    hidden_act: 'silu',
    eos_token_id: 0,
  };
}

function* tensorsOf(shape: SparseShape): Generator<[string, readonly number[]]> {
  const { hidden, width, layers, experts, heads, kvHeads, headDim, vocab } = shape;
  yield ['model.embed_tokens.weight', [vocab, hidden]];
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `model.layers.${layer}`;
    for (const norm of ['input_layernorm', 'post_attention_layernorm']) yield [`${prefix}.${norm}.weight`, [hidden]];
    for (const norm of ['q_norm', 'k_norm']) yield [`${prefix}.self_attn.${norm}.weight`, [headDim]];
    yield [`${prefix}.self_attn.q_proj.weight`, [heads * headDim, hidden]];
    for (const name of ['k', 'v']) yield [`${prefix}.self_attn.${name}_proj.weight`, [kvHeads * headDim, hidden]];
    yield [`${prefix}.self_attn.o_proj.weight`, [hidden, heads * headDim]];
    yield [`${prefix}.mlp.gate.weight`, [experts, hidden]];
    for (let expert = 0; expert < experts; expert++) {
      for (const name of ['gate', 'up']) yield [`${prefix}.mlp.experts.${expert}.${name}_proj.weight`, [width, hidden]];
      yield [`${prefix}.mlp.experts.${expert}.down_proj.weight`, [hidden, width]];
    }
  }
  yield ['model.norm.weight', [hidden]];
  yield ['lm_head.weight', [vocab, hidden]];
}

/** A header, and a file as long as it says with nothing behind it. @returns bytes of data */
function writeZeros(file: string, tensors: readonly [string, readonly number[]][]): number {
  const header: Record<string, object> = {};
  let offset = 0;
  for (const [name, shape] of tensors) {
    const bytes = shape.reduce((product, dim) => product * dim, 2);
    header[name] = { dtype: 'BF16', shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const fd = openSync(file, 'w');
  try {
    writeSync(fd, Buffer.concat([length, text]));
    ftruncateSync(fd, 8 + text.length + offset);
  } finally {
    closeSync(fd);
  }
  return offset;
}
