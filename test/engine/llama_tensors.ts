import { RandomCheckpoint } from './random_checkpoint.ts';

/** What config.json says, all keys written out. */
export interface LlamaConfig {
  readonly model_type: 'olmoe' | 'mixtral' | 'qwen2_moe' | 'qwen3_moe' | 'granitemoe' | 'phimoe';
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number | null;
  readonly num_experts_per_tok: number;
  readonly [key: string]: unknown;
}

type Put = (name: string, ...shape: number[]) => void;

export function expertCount({ num_experts, num_local_experts }: LlamaConfig): number {
  return (num_experts ?? num_local_experts) as number;
}

export function headDim({ head_dim, hidden_size, num_attention_heads }: LlamaConfig): number {
  return (head_dim as number | null | undefined) ?? hidden_size / num_attention_heads;
}

export function isTied({ tie_word_embeddings }: LlamaConfig): boolean {
  return tie_word_embeddings === true;
}

/** Qwen's rule for layers without experts; the other architectures have none. */
export function isDense({ mlp_only_layers, decoder_sparse_step }: LlamaConfig, layer: number): boolean {
  const only = (mlp_only_layers as number[] | undefined) ?? [];
  return only.includes(layer) || (layer + 1) % ((decoder_sparse_step as number | undefined) ?? 1) !== 0;
}

/** Names and shapes of a checkpoint as the hub has them, experts a tensor each where they are not fused there. */
export function putLlama(config: LlamaConfig, put: Put): void {
  const { model_type, vocab_size, hidden_size: hidden, num_hidden_layers } = config;
  const norm = (name: string) => {
    put(`${name}.weight`, hidden);
    if (model_type === 'phimoe') put(`${name}.bias`, hidden);
  };
  put('model.embed_tokens.weight', vocab_size, hidden);
  if (!isTied(config)) put('lm_head.weight', vocab_size, hidden);
  norm('model.norm');
  if (config.lm_head_bias === true) put('lm_head.bias', vocab_size);
  for (let layer = 0; layer < num_hidden_layers; layer++) {
    const at = `model.layers.${layer}`;
    norm(`${at}.input_layernorm`);
    norm(`${at}.post_attention_layernorm`);
    putAttention(config, `${at}.self_attn`, put);
    if (isDense(config, layer)) putMlp(`${at}.mlp`, config.intermediate_size, hidden, put);
    else putExperts(config, at, put);
  }
}

function putAttention(config: LlamaConfig, at: string, put: Put): void {
  const { model_type, hidden_size: hidden, num_attention_heads: heads, num_key_value_heads, attention_bias } = config;
  const dim = headDim(config);
  const [queries, keys] = [heads * dim, (num_key_value_heads ?? heads) * dim];
  const bias = attention_bias === true || (model_type === 'qwen2_moe' && config.qkv_bias !== false);
  for (const [part, rows, columns] of [
    ['q', queries, hidden],
    ['k', keys, hidden],
    ['v', keys, hidden],
    ['o', hidden, queries],
  ] as const) {
    put(`${at}.${part}_proj.weight`, rows, columns);
    if (part === 'o' ? attention_bias === true : bias) put(`${at}.${part}_proj.bias`, rows);
  }
  if (model_type !== 'olmoe' && model_type !== 'qwen3_moe') return;
  put(`${at}.q_norm.weight`, model_type === 'olmoe' ? queries : dim);
  put(`${at}.k_norm.weight`, model_type === 'olmoe' ? keys : dim);
}

function putMlp(at: string, width: number, hidden: number, put: Put): void {
  for (const part of ['gate', 'up']) put(`${at}.${part}_proj.weight`, width, hidden);
  put(`${at}.down_proj.weight`, hidden, width);
}

function putExperts(config: LlamaConfig, at: string, put: Put): void {
  const { model_type, hidden_size: hidden } = config;
  const experts = expertCount(config);
  const width = (config.moe_intermediate_size ?? config.intermediate_size) as number;
  if (model_type === 'granitemoe') {
    put(`${at}.block_sparse_moe.router.layer.weight`, experts, hidden);
    put(`${at}.block_sparse_moe.input_linear.weight`, experts, 2 * width, hidden);
    put(`${at}.block_sparse_moe.output_linear.weight`, experts, hidden, width);
  } else if (model_type === 'mixtral' || model_type === 'phimoe') {
    put(`${at}.block_sparse_moe.gate.weight`, experts, hidden);
    for (let e = 0; e < experts; e++) {
      for (const part of ['w1', 'w3']) put(`${at}.block_sparse_moe.experts.${e}.${part}.weight`, width, hidden);
      put(`${at}.block_sparse_moe.experts.${e}.w2.weight`, hidden, width);
    }
  } else {
    put(`${at}.mlp.gate.weight`, experts, hidden);
    for (let e = 0; e < experts; e++) putMlp(`${at}.mlp.experts.${e}`, width, hidden, put);
  }
  if (model_type !== 'qwen2_moe') return;
  putMlp(`${at}.mlp.shared_expert`, config.shared_expert_intermediate_size as number, hidden, put);
  put(`${at}.mlp.shared_expert_gate.weight`, 1, hidden);
}

/**
 * A folder of seeded weights, of a spread that lets every part show in the logits.
 * @param fused with experts, and the router beside them, named as newer libraries do; the same weights
 */
export function writeLlama(config: LlamaConfig, { fused = false } = {}): string {
  const checkpoint = new RandomCheckpoint(11);
  putLlama(config, (name, ...shape) => {
    if (name.endsWith('norm.weight')) checkpoint.put(name, shape, 0.2, 1);
    else if (name.endsWith('.bias')) checkpoint.put(name, shape, 0.2);
    else if (/embed_tokens|gate\.weight|router/.test(name)) checkpoint.put(name, shape, 1);
    else checkpoint.put(name, shape, 0.4);
  });
  for (let layer = 0; fused && layer < config.num_hidden_layers; layer++)
    if (!isDense(config, layer)) fuse(checkpoint, config, `model.layers.${layer}`);
  return checkpoint.write(config);
}

function fuse(checkpoint: RandomCheckpoint, config: LlamaConfig, at: string): void {
  const { model_type, hidden_size: hidden } = config;
  const experts = expertCount(config);
  const width = (config.moe_intermediate_size ?? config.intermediate_size) as number;
  const block = `${at}.block_sparse_moe`;
  if (model_type === 'granitemoe') {
    checkpoint.join(`${block}.router.weight`, [experts, hidden], [`${block}.router.layer.weight`]);
    checkpoint.join(`${block}.experts.gate_up_proj`, [experts, 2 * width, hidden], [`${block}.input_linear.weight`]);
    checkpoint.join(`${block}.experts.down_proj`, [experts, hidden, width], [`${block}.output_linear.weight`]);
    return;
  }
  const old = model_type === 'mixtral' || model_type === 'phimoe';
  if (old) {
    const router = model_type === 'mixtral' ? 'gate' : 'router';
    checkpoint.join(`${at}.mlp.${router}.weight`, [experts, hidden], [`${block}.gate.weight`]);
  }
  const parts = (names: readonly string[]) =>
    Array.from({ length: experts }, (_, e) =>
      names.map((part) =>
        old ? `${block}.experts.${e}.${part}.weight` : `${at}.mlp.experts.${e}.${part}_proj.weight`,
      ),
    ).flat();
  const gateUp = parts(old ? ['w1', 'w3'] : ['gate', 'up']);
  checkpoint.join(`${at}.mlp.experts.gate_up_proj`, [experts, 2 * width, hidden], gateUp);
  checkpoint.join(`${at}.mlp.experts.down_proj`, [experts, hidden, width], parts(old ? ['w2'] : ['down']));
}

export interface OlmoeSizes {
  readonly hidden: number;
  readonly heads: number;
  readonly width: number;
  readonly layers: number;
  readonly experts: number;
  readonly topK: number;
  readonly vocab: number;
}

export function writeOlmoe({ hidden, heads, width, layers, experts, topK, vocab }: OlmoeSizes): string {
  return writeLlama({
    ...{ model_type: 'olmoe', hidden_size: hidden, intermediate_size: width, num_hidden_layers: layers },
    ...{ num_attention_heads: heads, num_key_value_heads: heads, num_experts: experts, num_experts_per_tok: topK },
    ...{ vocab_size: vocab, norm_topk_prob: false, clip_qkv: null, max_position_embeddings: 128, rope_theta: 10_000 },
  });
}
