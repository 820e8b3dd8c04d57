import { add, attend, type Matrix, softmax, type Vector, Weights } from './reference_math.ts';

/** NLLB-MoE and the language model made of its decoder, written from the formulas of the sheet. */
export interface NllbConfig {
  readonly hidden: number;
  readonly heads: number;
  readonly layers: { readonly encoder: number; readonly decoder: number };
  readonly step: { readonly encoder: number; readonly decoder: number };
  readonly experts: number;
  readonly padToken: number;
  /** Name before `encoder.`, `decoder.`, `shared.`. */
  readonly prefix: string;
  readonly scaled: boolean;
  /** Rule of a language model: softmax, top two, normalised, no capacity. */
  readonly plainGate?: boolean;
  readonly tokenDropout: number;
  readonly fraction: number;
  readonly expertCapacity: number | null;
  readonly prioritised: boolean;
  readonly normaliseBefore: boolean;
  readonly ignorePadding: boolean;
  /** Tensor of a head that is not tied. */
  readonly head?: string;
}

export interface Batch {
  readonly inputIds: readonly (readonly number[])[];
  readonly mask?: readonly (readonly number[])[];
  readonly decoderIds: readonly (readonly number[])[];
}

export interface Passed {
  /** [row][token][vocab] */
  readonly logits: Vector[][];
  /** [sparse layer][row * token][2], -1 where dropped; encoder layers first. */
  readonly encoder: number[][][];
  readonly decoder: number[][][];
}

export function nllbPass(folder: string, config: NllbConfig, { inputIds, mask, decoderIds }: Batch): Passed {
  const weights = new Weights(folder);
  const { prefix, layers } = config;
  const table = weights.matrix(
    weights.has(`${prefix}shared.weight`) ? `${prefix}shared.weight` : `${prefix}decoder.embed_tokens.weight`,
  );
  const chosen: Passed = { logits: [], encoder: [], decoder: [] };
  const real = (row: number, j: number) => (mask?.[row]?.[j] ?? 1) !== 0;

  let encoded: Matrix[] = [];
  if (layers.encoder > 0) {
    encoded = inputIds.map((ids) => embed(ids, table, config));
    for (let layer = 0; layer < layers.encoder; layer++) {
      const at = `${prefix}encoder.layers.${layer}`;
      encoded = encoded.map((x, row) => selfAttention(weights, at, x, config.heads, (_, j) => real(row, j)));
      const padded = mask === undefined ? undefined : inputIds.map((ids, row) => ids.map((_, j) => !real(row, j)));
      encoded = feedForward(weights, at, encoded, config, config.step.encoder, layer, padded, chosen.encoder);
    }
    const norm = weights.layerNorm(`${prefix}encoder.layer_norm`);
    encoded = encoded.map((x) => x.map(norm));
  }
  let states = decoderIds.map((ids) => embed(ids, table, config));
  for (let layer = 0; layer < layers.decoder; layer++) {
    const at = `${prefix}decoder.layers.${layer}`;
    states = states.map((x) => selfAttention(weights, at, x, config.heads, (i, j) => j <= i));
    if (layers.encoder > 0) {
      const norm = weights.layerNorm(`${at}.cross_attention_layer_norm`);
      const project = projections(weights, `${at}.cross_attention`);
      states = states.map((x, row) => {
        const source = encoded[row] as Matrix;
        const mixed = attend(
          x.map(norm).map(project.q),
          source.map(project.k),
          source.map(project.v),
          config.heads,
          (config.hidden / config.heads) ** -0.5,
          (_, j) => real(row, j),
        );
        return x.map((state, i) => add(state, project.out(mixed[i] as Vector)));
      });
    }
    states = feedForward(weights, at, states, config, config.step.decoder, layer, undefined, chosen.decoder);
  }
  const norm = weights.layerNorm(`${prefix}decoder.layer_norm`);
  const headRows = config.head === undefined ? table : weights.matrix(config.head);
  const head = (x: Vector) =>
    Float64Array.from(headRows, (row) => row.reduce((sum, value, i) => sum + value * (x[i] as number), 0));
  weights.close();
  return { ...chosen, logits: states.map((x) => x.map((state) => head(norm(state)))) };
}

function embed(ids: readonly number[], table: Matrix, { hidden, padToken, scaled }: NllbConfig): Matrix {
  const half = Math.floor(hidden / 2);
  let count = 0;
  return ids.map((id) => {
    const x = (table[id] as Vector).map((value) => value * (scaled ? Math.sqrt(hidden) : 1));
    if (id === padToken) return x;
    const position = ++count + padToken;
    for (let i = 0; i < half; i++) {
      const angle = position * Math.exp((-i * Math.log(10_000)) / (half - 1));
      x[i] = (x[i] as number) + Math.sin(angle);
      x[half + i] = (x[half + i] as number) + Math.cos(angle);
    }
    return x;
  });
}

function projections(weights: Weights, at: string) {
  return {
    q: weights.linear(`${at}.q_proj`),
    k: weights.linear(`${at}.k_proj`),
    v: weights.linear(`${at}.v_proj`),
    out: weights.linear(`${at}.out_proj`),
  };
}

function selfAttention(
  weights: Weights,
  at: string,
  x: Matrix,
  heads: number,
  seen: (i: number, j: number) => boolean,
): Matrix {
  const norm = weights.layerNorm(`${at}.self_attn_layer_norm`);
  const project = projections(weights, `${at}.self_attn`);
  const normed = x.map(norm);
  const scale = ((x[0] as Vector).length / heads) ** -0.5;
  const mixed = attend(normed.map(project.q), normed.map(project.k), normed.map(project.v), heads, scale, seen);
  return x.map((state, i) => add(state, project.out(mixed[i] as Vector)));
}

function feedForward(
  weights: Weights,
  at: string,
  states: Matrix[],
  config: NllbConfig,
  step: number,
  layer: number,
  padded: boolean[][] | undefined,
  chosen: number[][][],
): Matrix[] {
  const norm = weights.layerNorm(`${at}.ff_layer_norm`);
  const mlp = (name: string) => {
    const first = weights.linear(`${name}.fc1`);
    const second = weights.linear(`${name}.fc2`);
    return (x: Vector) => second(first(x).map((value) => Math.max(0, value)));
  };
  if (step === 0 || (layer + 1) % step !== 0) {
    const dense = mlp(`${at}.ffn`);
    return states.map((x) => x.map((state) => add(state, dense(norm(state)))));
  }
  const tokens = states.flat();
  const inputs = tokens.map(norm);
  const { ids, gates } = route(inputs.map(weights.linear(`${at}.ffn.router.classifier`)), config, padded?.flat());
  chosen.push(ids);
  const experts = Array.from({ length: config.experts }, (_, e) => mlp(`${at}.ffn.experts.expert_${e}`));
  const factor = config.plainGate ? 1 : 1 - config.tokenDropout;
  const outputs = tokens.map((state, t) =>
    (ids[t] as number[]).reduce((sum, e, j) => {
      if (e < 0) return sum;
      const output = (experts[e] as (x: Vector) => Vector)(inputs[t] as Vector);
      return add(sum, output, factor * (gates[t]?.[j] as number));
    }, state),
  );
  let from = 0;
  return states.map((x) => {
    from += x.length;
    return outputs.slice(from - x.length, from);
  });
}

function route(logits: Vector[], config: NllbConfig, padded: boolean[] | undefined) {
  const tokens = logits.length;
  const p = logits.map(softmax);
  const best = (z: Vector, without: number) =>
    z.reduce((top, value, e) => (e !== without && (top < 0 || value > (z[top] as number)) ? e : top), -1);
  const first = p.map((row) => best(row, -1));
  const second = logits.map((row, t) => best(row, first[t] as number));
  const out = (t: number) => !config.ignorePadding && padded?.[t] === true;
  const order = logits.map((_, t) => t);
  if (config.prioritised) order.sort((a, b) => Math.max(...(p[b] as Vector)) - Math.max(...(p[a] as Vector)) || a - b);
  const { fraction, expertCapacity } = config;
  const capacity = config.plainGate
    ? Number.POSITIVE_INFINITY
    : fraction > 0
      ? Math.ceil(fraction * tokens)
      : (expertCapacity ?? 2 * Math.ceil(tokens / config.experts));
  const ids = logits.map(() => [-1, -1]);
  const gates = logits.map(() => [0, 0]);
  for (let t = 0; t < tokens; t++) {
    if (out(t)) continue;
    const [e1, e2] = [first[t] as number, second[t] as number];
    const earlier = order.slice(0, order.indexOf(t)).filter((u) => !out(u));
    const loc1 = earlier.filter((u) => first[u] === e1).length;
    const allFirst = first.filter((e, u) => e === e2 && !out(u)).length;
    const loc2 = earlier.filter((u) => second[u] === e2).length + allFirst;
    const keep = [loc1 < capacity, loc2 < capacity];
    const q = [p[t]?.[e1] as number, p[t]?.[e2] as number];
    const kept = q.map((value, j) => (keep[j] ? value : 0));
    const denominator = Math.max(
      config.normaliseBefore ? (q[0] as number) + (q[1] as number) : (kept[0] as number) + (kept[1] as number),
      2 ** -23,
    );
    gates[t] = kept.map((value) => value / denominator);
    ids[t] = [e1, e2].map((e, j) => (keep[j] ? e : -1));
  }
  return { ids, gates };
}
