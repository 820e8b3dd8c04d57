import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expertCount, headDim, isTied, type LlamaConfig } from './llama_tensors.ts';
import { add, attend, dot, type LowBit, type Matrix, softmax, type Vector, Weights } from './reference_math.ts';
import { type Rotation, rotation } from './reference_rope.ts';

/**
 * Decoders in the manner of Llama in plain double-precision loops, written from each architecture's formulas and sharing nothing
 * with the engine but the reading of tensors: says which experts each token must choose where a fixture has only logits.
 * Reads tensors by the names they have on the hub.
 * @param callTokens length of the call that LongRoPE and dynamic positions go by, where it is not that of `ids`
 * @returns chosen experts [MoE layers][tokens][topK], in the router's order, and logits [tokens][vocab]
 */
export function referenceLlama(
  folder: string,
  ids: readonly number[],
  {
    callTokens = ids.length,
    lowBit,
    exactInputs,
  }: { readonly callTokens?: number; readonly lowBit?: LowBit; readonly exactInputs?: boolean } = {},
): { experts: number[][][]; logits: Vector[] } {
  const config = JSON.parse(readFileSync(path.join(folder, 'config.json'), 'utf8')) as LlamaConfig;
  const weights = new Weights(folder, lowBit, exactInputs);
  const number = (key: string) => (config[key] as number | undefined) ?? 1;
  const epsilon = config.rms_norm_eps as number;
  const norm = (name: string) =>
    config.model_type === 'phimoe' ? weights.layerNorm(name, epsilon) : weights.rmsNorm(name, epsilon);
  const table = weights.matrix('model.embed_tokens.weight');
  const residual = number('residual_multiplier');
  const turn = rotation(config, headDim(config), callTokens);
  let states: Matrix = ids.map((id) => (table[id] as Vector).map((value) => value * number('embedding_multiplier')));
  const experts: number[][][] = [];
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}`;
    const mixed = attention(weights, config, layer, states.map(norm(`${at}.input_layernorm`)), turn);
    states = states.map((x, token) => add(x, mixed[token] as Vector, residual));
    const { run, chosen } = feedForward(weights, config, at);
    states = states.map((x) => add(x, run(norm(`${at}.post_attention_layernorm`)(x)), residual));
    if (chosen.length > 0) experts.push(chosen);
  }
  const head = isTied(config) ? times(table) : weights.linear('lm_head');
  const logits = states.map((x) => head(norm('model.norm')(x)).map((value) => value / number('logits_scaling')));
  weights.close();
  return { experts, logits };
}

function attention(weights: Weights, config: LlamaConfig, layer: number, normed: Matrix, turn: Rotation): Matrix {
  const at = `model.layers.${layer}.self_attn`;
  const dim = headDim(config);
  const clip = (config.clip_qkv as number | null | undefined) ?? Number.POSITIVE_INFINITY;
  const window = windowOf(config, layer);
  const scale = config.model_type === 'granitemoe' ? (config.attention_multiplier as number) : dim ** -0.5;
  const projected = (part: 'q' | 'k' | 'v') => {
    const rows = normed.map(weights.linear(`${at}.${part}_proj`));
    const name = `${at}.${part}_norm`;
    const normedRows = weights.has(`${name}.weight`) ? rows.map((x) => inParts(x, weights, name, config)) : rows;
    return normedRows.map((x) => x.map((value) => Math.max(-clip, Math.min(clip, value))));
  };
  const rotated = (part: 'q' | 'k') => projected(part).map((x, position) => rotate(x, position, dim, turn));
  const seen = (i: number, j: number) => j <= i && j > i - window;
  const heads = config.num_attention_heads;
  return attend(rotated('q'), rotated('k'), projected('v'), heads, scale, seen).map(weights.linear(`${at}.o_proj`));
}

/** RMSNorm over as many values as it has gains: the whole vector, or each head. */
function inParts(x: Vector, weights: Weights, name: string, config: LlamaConfig): Vector {
  const norm = weights.rmsNorm(name, config.rms_norm_eps as number);
  const { length } = weights.vector(`${name}.weight`);
  const out = new Float64Array(x.length);
  for (let from = 0; from < x.length; from += length) out.set(norm(x.subarray(from, from + length)), from);
  return out;
}

function windowOf(config: LlamaConfig, layer: number): number {
  const window = (config.sliding_window as number | null | undefined) ?? Number.POSITIVE_INFINITY;
  const types = config.layer_types as string[] | undefined;
  switch (config.model_type) {
    case 'mixtral':
    case 'phimoe':
      return window;
    case 'qwen3_moe':
      return config.use_sliding_window === true ? window : Number.POSITIVE_INFINITY;
    case 'qwen2_moe': {
      const below = (config.max_window_layers as number | undefined) ?? 28;
      const slides = types === undefined ? layer % 2 === 0 && layer < below : types[layer] === 'sliding_attention';
      return config.use_sliding_window === true && slides ? window : Number.POSITIVE_INFINITY;
    }
    default:
      return Number.POSITIVE_INFINITY;
  }
}

function rotate(x: Vector, position: number, dim: number, { inverse, factor }: Rotation): Vector {
  const out = x.slice();
  for (let head = 0; head < x.length; head += dim) {
    for (const [i, speed] of inverse.entries()) {
      const [cos, sin] = [factor * Math.cos(position * speed), factor * Math.sin(position * speed)];
      const [a, b] = [x[head + i] as number, x[head + i + dim / 2] as number];
      out[head + i] = a * cos - b * sin;
      out[head + i + dim / 2] = b * cos + a * sin;
    }
  }
  return out;
}

interface Layer {
  run(x: Vector): Vector;
  /** Experts of each token run so far; none in a dense layer. */
  readonly chosen: number[][];
}

function feedForward(weights: Weights, config: LlamaConfig, at: string): Layer {
  if (weights.has(`${at}.mlp.gate_proj.weight`)) return { run: mlp(weights, `${at}.mlp`), chosen: [] };
  const router = ['mlp.gate', 'block_sparse_moe.gate', 'block_sparse_moe.router.layer'].find((name) =>
    weights.has(`${at}.${name}.weight`),
  );
  const score = weights.linear(`${at}.${router}`);
  const experts = Array.from({ length: expertCount(config) }, (_, e) => expert(weights, config, at, e));
  const sharedAt = `${at}.mlp.shared_expert`;
  const shared = weights.has(`${sharedAt}_gate.weight`) ? mlp(weights, sharedAt) : undefined;
  const gate = shared && weights.linear(`${sharedAt}_gate`);
  const chosen: number[][] = [];
  const run = (x: Vector) => {
    const routed =
      config.model_type === 'phimoe'
        ? sparseMixer(score(x), config.router_jitter_noise as number)
        : topK(score(x), config);
    chosen.push(routed.map(([id]) => id));
    let sum = new Float64Array(x.length);
    for (const [id, weight] of routed) sum = add(sum, (experts[id] as Layer['run'])(x), weight) as typeof sum;
    if (shared === undefined || gate === undefined) return sum;
    return add(sum, shared(x), 1 / (1 + Math.exp(-(gate(x)[0] as number))));
  };
  return { run, chosen };
}

type Routed = [id: number, weight: number][];

function topK(logits: Vector, config: LlamaConfig): Routed {
  const p = softmax(logits);
  const order = Array.from(p.keys()).sort((a, b) => (p[b] as number) - (p[a] as number) || a - b);
  const best = order.slice(0, config.num_experts_per_tok);
  const always = config.model_type === 'mixtral' || config.model_type === 'granitemoe';
  const share = always || config.norm_topk_prob === true ? best.reduce((sum, e) => sum + (p[e] as number), 0) : 1;
  return best.map((e) => [e, (p[e] as number) / share]);
}

export function sparseMixer(s: Vector, epsilon: number): Routed {
  const rest = new Set(s.keys());
  return [0, 1].map(() => {
    const best = [...rest].reduce((a, b) => ((s[b] as number) > (s[a] as number) ? b : a));
    const m = s[best] as number;
    const near = [...rest].filter((j) => {
      const distance = (m - (s[j] as number)) / Math.max(Math.abs(s[j] as number), m);
      return Number.isNaN(distance) || distance <= 2 * epsilon;
    });
    const weight = Math.exp(m) / near.reduce((sum, j) => sum + Math.exp(s[j] as number), 0);
    rest.delete(best);
    return [best, weight];
  });
}

function expert(weights: Weights, config: LlamaConfig, at: string, e: number): Layer['run'] {
  if (config.model_type === 'granitemoe') {
    const { intermediate_size: width, hidden_size: hidden } = config;
    const rows = weights.matrix(`${at}.block_sparse_moe.input_linear.weight`).slice(e * 2 * width, (e + 1) * 2 * width);
    const down = weights.matrix(`${at}.block_sparse_moe.output_linear.weight`).slice(e * hidden, (e + 1) * hidden);
    return swiglu(times(rows.slice(0, width)), times(rows.slice(width)), times(down));
  }
  if (weights.has(`${at}.mlp.experts.${e}.gate_proj.weight`)) return mlp(weights, `${at}.mlp.experts.${e}`);
  const [gate, down, up] = [1, 2, 3].map((n) => weights.linear(`${at}.block_sparse_moe.experts.${e}.w${n}`));
  return swiglu(gate as Layer['run'], up as Layer['run'], down as Layer['run']);
}

function times(matrix: Matrix): Layer['run'] {
  return (x) => Float64Array.from(matrix, (row) => dot(row, x));
}

function mlp(weights: Weights, at: string): Layer['run'] {
  const [gate, up, down] = ['gate', 'up', 'down'].map((part) => weights.linear(`${at}.${part}_proj`));
  return swiglu(gate as Layer['run'], up as Layer['run'], down as Layer['run']);
}

function swiglu(gate: Layer['run'], up: Layer['run'], down: Layer['run']): Layer['run'] {
  return (x) => {
    const u = up(x);
    return down(gate(x).map((value, i) => (value / (1 + Math.exp(-value))) * (u[i] as number)));
  };
}
