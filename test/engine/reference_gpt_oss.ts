import { add, dot, type Matrix, type Vector, Weights } from './reference_math.ts';
import { yarn } from './reference_yarn.ts';

/** Keys of config.json that the reference looks at. */
export interface GptOssConfig {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly num_local_experts: number;
  readonly num_experts_per_tok: number;
  readonly max_position_embeddings: number;
  readonly rope_theta: number;
  readonly rope_scaling: Readonly<Record<string, unknown>> | null;
  readonly rms_norm_eps: number;
  readonly sliding_window: number;
  /** Absent: layer 0 slides, 1 does not, and so on. */
  readonly layer_types?: readonly string[];
  readonly swiglu_limit?: number;
  readonly tie_word_embeddings: boolean;
  readonly attention_bias: boolean;
  readonly vocab_size: number;
}

/**
 * GPT-OSS in plain double-precision loops from the architecture's formulas.
 * @param packed whether experts are stored [E, out, in]
 * @returns chosen experts [layers][tokens][topK], by falling score, and logits [tokens][vocab]
 */
export function referenceGptOss(
  folder: string,
  config: GptOssConfig,
  ids: readonly number[],
  packed = false,
): { experts: number[][][]; logits: Matrix } {
  const weights = new Weights(folder);
  const norm = (name: string) => weights.rmsNorm(name, config.rms_norm_eps);
  const table = weights.matrix('model.embed_tokens.weight');
  let states: Matrix = ids.map((id) => (table[id] as Vector).slice());
  const experts: number[][][] = [];
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}`;
    const type = config.layer_types?.[layer] ?? (layer % 2 === 0 ? 'sliding_attention' : 'full_attention');
    const window = type === 'sliding_attention' ? config.sliding_window : Number.POSITIVE_INFINITY;
    const attended = attention(weights, `${at}.self_attn`, config, window, states.map(norm(`${at}.input_layernorm`)));
    states = states.map((x, token) => add(x, attended[token] as Vector));
    const layerExperts: number[][] = [];
    const normed = states.map(norm(`${at}.post_attention_layernorm`));
    const outputs = mixture(weights, `${at}.mlp`, config, normed, packed, layerExperts);
    experts.push(layerExperts);
    states = states.map((x, token) => add(x, outputs[token] as Vector));
  }
  const head = config.tie_word_embeddings ? table : weights.matrix('lm_head.weight');
  const logits = states.map(norm('model.norm')).map((x) => Float64Array.from(head, (row) => dot(row, x)));
  weights.close();
  return { experts, logits };
}

function attention(weights: Weights, at: string, config: GptOssConfig, window: number, inputs: Matrix): Matrix {
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: dim } = config;
  const rope = yarn(config.rope_theta, dim, config.max_position_embeddings, config.rope_scaling);
  const sinks = weights.vector(`${at}.sinks`);
  const rotate = (x: Vector, position: number) => {
    const out = new Float64Array(dim);
    for (const [i, frequency] of rope.frequencies.entries()) {
      const [cos, sin] = [Math.cos(position * frequency) * rope.factor, Math.sin(position * frequency) * rope.factor];
      const [a, b] = [x[i] as number, x[i + dim / 2] as number];
      out[i] = a * cos - b * sin;
      out[i + dim / 2] = b * cos + a * sin;
    }
    return out;
  };
  const project = (part: string) => inputs.map(weights.linear(`${at}.${part}_proj`));
  const [q, k, v] = [project('q'), project('k'), project('v')];
  const part = (x: Vector, head: number) => x.subarray(head * dim, (head + 1) * dim);
  const output = weights.linear(`${at}.o_proj`);
  return q.map((query, i) => {
    const out = new Float64Array(heads * dim);
    for (let head = 0; head < heads; head++) {
      const own = rotate(part(query, head), i);
      const kvHead = Math.floor(head / (heads / kvHeads));
      const first = Math.max(0, i - window + 1);
      const powers = k.slice(first, i + 1).map((key, at) => {
        return Math.exp(dim ** -0.5 * dot(own, rotate(part(key, kvHead), first + at)));
      });
      const sum = powers.reduce((total, power) => total + power, Math.exp(sinks[head] as number));
      for (const [at, power] of powers.entries()) {
        const value = part(v[first + at] as Vector, kvHead);
        for (let d = 0; d < dim; d++)
          out[head * dim + d] = (out[head * dim + d] as number) + (power / sum) * (value[d] as number);
      }
    }
    return output(out);
  });
}

function mixture(
  weights: Weights,
  at: string,
  config: GptOssConfig,
  inputs: Matrix,
  packed: boolean,
  chosen: number[][],
): Matrix {
  const { num_experts_per_tok: k, hidden_size: hidden, intermediate_size: width, swiglu_limit: limit = 7 } = config;
  const router = weights.linear(`${at}.router`);
  const [gateUp, down] = ['gate_up_proj', 'down_proj'].map((name) => weights.matrix(`${at}.experts.${name}`)) as [
    Matrix,
    Matrix,
  ];
  const gateUpBias = weights.matrix(`${at}.experts.gate_up_proj_bias`);
  const downBias = weights.matrix(`${at}.experts.down_proj_bias`);
  /** Expert e's matrix [out, in] times x. */
  const times = (all: Matrix, e: number, outFeatures: number, x: Vector) =>
    Float64Array.from({ length: outFeatures }, (_, o) =>
      packed
        ? dot(all[e * outFeatures + o] as Vector, x)
        : x.reduce((sum, value, i) => sum + value * (all[e * x.length + i]?.[o] as number), 0),
    );
  return inputs.map((x) => {
    const z = router(x);
    const ids = [...z.keys()].sort((a, b) => (z[b] as number) - (z[a] as number) || a - b).slice(0, k);
    chosen.push(ids);
    const sum = ids.reduce((total, e) => total + Math.exp(z[e] as number), 0);
    return ids.reduce((y, e) => {
      const u = add(times(gateUp, e, 2 * width, x), gateUpBias[e] as Vector);
      const inner = Float64Array.from({ length: width }, (_, i) => {
        const gate = Math.min(u[2 * i] as number, limit);
        const up = Math.max(-limit, Math.min(limit, u[2 * i + 1] as number));
        return (up + 1) * (gate / (1 + Math.exp(-1.702 * gate)));
      });
      const out = add(times(down, e, hidden, inner), downBias[e] as Vector);
      return add(y, out, Math.exp(z[e] as number) / sum);
    }, new Float64Array(hidden) as Vector);
  });
}
