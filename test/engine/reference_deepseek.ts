import { add, dot, type Matrix, softmax, type Vector, Weights } from './reference_math.ts';
import { yarn } from './reference_yarn.ts';

/** Keys of config.json that the reference looks at. */
export interface DeepseekConfig {
  /** `deepseek_v2` or `deepseek_v3` */
  readonly model_type: string;
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly max_position_embeddings: number;
  readonly q_lora_rank: number | null;
  readonly kv_lora_rank: number;
  readonly qk_nope_head_dim: number;
  readonly qk_rope_head_dim: number;
  readonly v_head_dim: number;
  readonly rope_theta: number;
  readonly rope_scaling: Readonly<Record<string, unknown>> | null;
  readonly rope_interleave?: boolean;
  readonly rms_norm_eps: number;
  readonly intermediate_size: number;
  readonly moe_intermediate_size: number;
  readonly n_routed_experts: number;
  readonly n_shared_experts: number | null;
  readonly num_experts_per_tok: number;
  readonly first_k_dense_replace: number;
  readonly n_group: number | null;
  readonly topk_group: number | null;
  readonly topk_method?: string;
  readonly norm_topk_prob: boolean;
  readonly routed_scaling_factor: number;
  readonly tie_word_embeddings: boolean;
  readonly attention_bias: boolean;
  readonly vocab_size: number;
}

/**
 * DeepSeek-V2 and V3 in plain double-precision loops from the architecture's formulas, keys and values of every head made out.
 * @returns chosen experts [MoE layers][tokens][topK], by falling score, and logits [tokens][vocab]
 */
export function referenceDeepseek(
  folder: string,
  config: DeepseekConfig,
  ids: readonly number[],
): { experts: number[][][]; logits: Matrix } {
  const weights = new Weights(folder);
  const norm = (name: string) => weights.rmsNorm(name, config.rms_norm_eps);
  const table = weights.matrix('model.embed_tokens.weight');
  let states: Matrix = ids.map((id) => (table[id] as Vector).slice());
  const experts: number[][][] = [];
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}`;
    const attended = attention(weights, `${at}.self_attn`, config, states.map(norm(`${at}.input_layernorm`)));
    states = states.map((x, token) => add(x, attended[token] as Vector));
    const normed = states.map(norm(`${at}.post_attention_layernorm`));
    let outputs: Matrix;
    if (layer < config.first_k_dense_replace) outputs = normed.map(mlp(weights, `${at}.mlp`));
    else {
      const layerExperts: number[][] = [];
      outputs = mixture(weights, `${at}.mlp`, config, normed, layerExperts);
      experts.push(layerExperts);
    }
    states = states.map((x, token) => add(x, outputs[token] as Vector));
  }
  const head = config.tie_word_embeddings ? table : weights.matrix('lm_head.weight');
  const logits = states.map(norm('model.norm')).map((x) => Float64Array.from(head, (row) => dot(row, x)));
  weights.close();
  return { experts, logits };
}

function attention(weights: Weights, at: string, config: DeepseekConfig, inputs: Matrix): Matrix {
  const { num_attention_heads: heads, qk_nope_head_dim: n, qk_rope_head_dim: r, v_head_dim: v } = config;
  const { kv_lora_rank: latent, rope_theta, max_position_embeddings, rope_scaling } = config;
  const rope = yarn(rope_theta, r, max_position_embeddings, rope_scaling);
  const scale = (n + r) ** -0.5 * rope.m ** 2;
  const interleaved = config.model_type === 'deepseek_v2' || config.rope_interleave !== false;
  const rotate = (x: Vector, position: number) => {
    const out = new Float64Array(r);
    for (const [i, frequency] of rope.frequencies.entries()) {
      const [a, b] = interleaved ? [2 * i, 2 * i + 1] : [i, i + r / 2];
      const [cos, sin] = [Math.cos(position * frequency) * rope.factor, Math.sin(position * frequency) * rope.factor];
      out[a] = (x[a] as number) * cos - (x[b] as number) * sin;
      out[b] = (x[b] as number) * cos + (x[a] as number) * sin;
    }
    return out;
  };
  const queryOf =
    config.q_lora_rank === null
      ? weights.linear(`${at}.q_proj`)
      : compose(
          weights.linear(`${at}.q_a_proj`),
          weights.rmsNorm(`${at}.q_a_layernorm`, 1e-6),
          weights.linear(`${at}.q_b_proj`),
        );
  const down = weights.linear(`${at}.kv_a_proj_with_mqa`);
  const up = compose(weights.rmsNorm(`${at}.kv_a_layernorm`, 1e-6), weights.linear(`${at}.kv_b_proj`));
  const tokens = inputs.map((x, position) => {
    const query = queryOf(x);
    const compressed = down(x);
    const expanded = up(compressed.subarray(0, latent));
    const sharedKey = rotate(compressed.subarray(latent), position);
    return Array.from({ length: heads }, (_, head) => {
      const [q, kv] = [query.subarray(head * (n + r)), expanded.subarray(head * (n + v), (head + 1) * (n + v))];
      return {
        query: Float64Array.of(...q.subarray(0, n), ...rotate(q.subarray(n, n + r), position)),
        key: Float64Array.of(...kv.subarray(0, n), ...sharedKey),
        value: kv.subarray(n),
      };
    });
  });
  const output = weights.linear(`${at}.o_proj`);
  return tokens.map((own, i) => {
    const contexts = own.flatMap(({ query }, head) => {
      const keys = tokens.slice(0, i + 1).map((all) => all[head] as (typeof all)[number]);
      const shares = softmax(Float64Array.from(keys, ({ key }) => scale * dot(query, key)));
      return Array.from({ length: v }, (_, d) =>
        keys.reduce((sum, { value }, j) => sum + (shares[j] as number) * (value[d] as number), 0),
      );
    });
    return output(Float64Array.from(contexts));
  });
}

function mixture(weights: Weights, at: string, config: DeepseekConfig, inputs: Matrix, chosen: number[][]): Matrix {
  const { n_routed_experts: count, num_experts_per_tok: k, routed_scaling_factor, n_shared_experts } = config;
  const v3 = config.model_type === 'deepseek_v3';
  const router = weights.linear(`${at}.gate`);
  const bias = v3 ? weights.vector(`${at}.gate.e_score_correction_bias`) : new Float64Array(count);
  const limited = v3 || config.topk_method === 'group_limited_greedy';
  const [groups, kept] = limited ? [config.n_group as number, config.topk_group as number] : [1, 1];
  const expert = Array.from({ length: count }, (_, e) => routedExpert(weights, `${at}.experts`, e, config));
  const shared = n_shared_experts === null ? undefined : mlp(weights, `${at}.shared_experts`);
  return inputs.map((x) => {
    const z = router(x);
    const scores = v3 ? z.map((value) => 1 / (1 + Math.exp(-value))) : softmax(z);
    const biased = scores.map((score, e) => score + (bias[e] as number));
    const size = count / groups;
    const worth = Array.from({ length: groups }, (_, group) => {
      const sorted = [...biased.subarray(group * size, (group + 1) * size)].sort((a, b) => b - a);
      return sorted.slice(0, v3 ? 2 : 1).reduce((sum, value) => sum + value, 0);
    });
    const best = falling(worth).slice(0, kept);
    const open = biased.map((value, e) => (best.includes(Math.floor(e / size)) ? value : Number.NEGATIVE_INFINITY));
    const ids = falling([...open]).slice(0, k);
    chosen.push(ids);
    const sum = ids.reduce((total, e) => total + (scores[e] as number), 0) + 1e-20;
    let y: Vector = shared?.(x) ?? new Float64Array(x.length);
    for (const e of ids) {
      const share = (scores[e] as number) / (v3 && config.norm_topk_prob ? sum : 1);
      y = add(y, (expert[e] as (x: Vector) => Vector)(x), share * routed_scaling_factor);
    }
    return y;
  });
}

/** Indices by falling value, equal ones by rising index. */
function falling(values: readonly number[]): number[] {
  return [...values.keys()].sort((a, b) => (values[b] as number) - (values[a] as number) || a - b);
}

function routedExpert(weights: Weights, at: string, e: number, config: DeepseekConfig): (x: Vector) => Vector {
  if (!weights.has(`${at}.gate_up_proj`)) return mlp(weights, `${at}.${e}`);
  const { moe_intermediate_size: width, hidden_size: hidden } = config;
  const gateUp = weights.matrix(`${at}.gate_up_proj`).slice(e * 2 * width, (e + 1) * 2 * width);
  const down = weights.matrix(`${at}.down_proj`).slice(e * hidden, (e + 1) * hidden);
  return swiglu(times(gateUp.slice(0, width)), times(gateUp.slice(width)), times(down));
}

const times = (weight: Matrix) => (x: Vector) => Float64Array.from(weight, (row) => dot(row, x));

function mlp(weights: Weights, at: string): (x: Vector) => Vector {
  const part = (name: string) => weights.linear(`${at}.${name}_proj`);
  return swiglu(part('gate'), part('up'), part('down'));
}

type Layer = (x: Vector) => Vector;

function swiglu(gate: Layer, up: Layer, down: Layer): Layer {
  return (x) => {
    const ups = up(x);
    return down(gate(x).map((value, i) => (value / (1 + Math.exp(-value))) * (ups[i] as number)));
  };
}

const compose =
  (...layers: readonly Layer[]): Layer =>
  (x) =>
    layers.reduce((value, layer) => layer(value), x);
