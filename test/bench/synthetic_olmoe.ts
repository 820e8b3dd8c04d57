import { closeSync, copyFileSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';

export interface SyntheticShape {
  readonly hidden: number;
  /** Of one expert. */
  readonly width: number;
  readonly layers: number;
  readonly experts: number;
  readonly topK: number;
}

/** Tokens of the demo model's tokenizer, which the folder gets. */
const VOCAB = 3584;
const HEADS = 8;
const BF16_BYTES = 2;
/** Weights are pieces of one pool of random numbers: only their size matters, and making a gigabyte of them takes a while. */
const POOL_VALUES = 1 << 20;

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
  writeTensors(path.join(folder, 'model.safetensors'), tensors(shape));
}

function config({ hidden, width, layers, experts, topK }: SyntheticShape) {
  return {
    architectures: ['OlmoeForCausalLM'],
    model_type: 'olmoe',
    hidden_size: hidden,
    intermediate_size: width,
    num_hidden_layers: layers,
    num_attention_heads: HEADS,
    num_key_value_heads: HEADS,
    num_experts: experts,
    num_experts_per_tok: topK,
    norm_topk_prob: true,
    vocab_size: VOCAB,
    max_position_embeddings: 1024,
    rope_theta: 10_000,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
    hidden_act: 'silu',
    eos_token_id: 0,
  };
}

/** Names and shapes; vectors are gains of norms. */
function tensors({ hidden, width, layers, experts }: SyntheticShape): [string, number[]][] {
  const list: [string, number[]][] = [
    ['model.embed_tokens.weight', [VOCAB, hidden]],
    ['model.norm.weight', [hidden]],
  ];
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `model.layers.${layer}`;
    for (const name of ['input_layernorm', 'post_attention_layernorm', 'self_attn.q_norm', 'self_attn.k_norm']) {
      list.push([`${prefix}.${name}.weight`, [hidden]]);
    }
    for (const name of ['q', 'k', 'v', 'o']) list.push([`${prefix}.self_attn.${name}_proj.weight`, [hidden, hidden]]);
    list.push([`${prefix}.mlp.gate.weight`, [experts, hidden]]);
    for (let expert = 0; expert < experts; expert++) {
      const own = `${prefix}.mlp.experts.${expert}`;
      list.push([`${own}.gate_proj.weight`, [width, hidden]], [`${own}.up_proj.weight`, [width, hidden]]);
      list.push([`${own}.down_proj.weight`, [hidden, width]]);
    }
  }
  return list;
}

function writeTensors(file: string, list: readonly [string, number[]][]): void {
  const size = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, 1);
  let offset = 0;
  const header = list.map(([name, shape]) => {
    const begin = offset;
    offset += size(shape) * BF16_BYTES;
    return [name, { dtype: 'BF16', shape, data_offsets: [begin, offset] }];
  });
  const text = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const padded = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));

  const next = generator(1);
  const pool = new Uint16Array(POOL_VALUES);
  for (let i = 0; i < POOL_VALUES; i++) pool[i] = toBf16(0.02 * normal(next));
  const ones = new Uint16Array(8192).fill(toBf16(1));
  const fd = openSync(file, 'w');
  try {
    writeSync(fd, length);
    writeSync(fd, padded);
    for (const [, shape] of list) {
      const values = size(shape);
      // Another place in the pool for every piece: no two experts are the same.
      for (let done = 0; done < values; ) {
        const from = shape.length === 1 ? ones : pool.subarray(Math.floor(next() * POOL_VALUES * 0.5));
        const piece = from.subarray(0, Math.min(from.length, values - done));
        writeSync(fd, new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength));
        done += piece.length;
      }
    }
  } finally {
    closeSync(fd);
  }
}

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

function toBf16(value: number): number {
  scratch[0] = value;
  return (scratchBits[0] as number) >>> 16;
}

/** Box-Muller. */
const normal = (next: () => number): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());

/** Uniform in [0, 1): a linear congruential generator (multiplier and increment of Numerical Recipes), high bits first. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
}
