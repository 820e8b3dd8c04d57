import type { LowBitPrecision } from '../../engine/checkpoint/block_quantise.ts';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { roundInputs, roundTrip } from './low_bit_rounding.ts';

/**
 * OLMoE in plain double-precision loops, written from the architecture's formulas and sharing nothing with the engine but the
 * reading of tensors: says which experts each token must choose where a fixture has only logits.
 */
export interface ReferenceConfig {
  readonly hidden: number;
  readonly heads: number;
  readonly layers: number;
  readonly experts: number;
  readonly topK: number;
  readonly theta: number;
  readonly epsilon: number;
  /** Key heads where they are fewer than heads. */
  readonly kvHeads?: number;
  readonly clip?: number;
  readonly renormalise?: boolean;
  /** Matrices held at few bits, by name: rounded as read, and their inputs as level 4 rounds them. */
  readonly lowBit?: (name: string) => LowBitPrecision | undefined;
}

type Matrix = Float64Array[];

/** Chosen experts [layers][tokens][topK], by falling router score, and logits [tokens][vocab]. */
export function referencePass(
  folder: string,
  ids: readonly number[],
  config: ReferenceConfig,
): { experts: number[][][]; logits: Float64Array[] } {
  const {
    hidden,
    heads,
    layers,
    experts,
    topK,
    theta,
    epsilon,
    kvHeads = heads,
    clip = Number.POSITIVE_INFINITY,
    lowBit = () => undefined,
  } = config;
  const checkpoint = openCheckpoint(folder);
  const rounded = new Set<Matrix>();
  const read = (name: string): Matrix => {
    const shape = checkpoint.tensors.get(name)?.shape ?? [];
    const columns = shape[shape.length - 1] ?? 1;
    const rows = shape.length === 1 ? 1 : (shape[0] ?? 1);
    const flat = new Float32Array(rows * columns);
    checkpoint.readFloat32(name, flat);
    const precision = lowBit(name);
    if (precision !== undefined) roundTrip(precision, flat, columns);
    const matrix = Array.from({ length: rows }, (_, row) =>
      Float64Array.from(flat.subarray(row * columns, (row + 1) * columns)),
    );
    if (precision !== undefined) rounded.add(matrix);
    return matrix;
  };
  const times = (weight: Matrix, x: Float64Array) => {
    const input = rounded.has(weight) ? roundInputs(x) : x;
    return Float64Array.from(weight, (row) => dot(row, input));
  };
  const norm = (x: Float64Array, name: string) => {
    const [gain] = read(name) as [Float64Array];
    const scale = 1 / Math.sqrt(dot(x, x) / x.length + epsilon);
    return x.map((value, i) => value * scale * (gain[i] as number));
  };
  const table = read('model.embed_tokens.weight');
  let states: Float64Array[] = ids.map((id) => (table[id] as Float64Array).slice());
  const chosen: number[][][] = [];
  for (let layer = 0; layer < layers; layer++) {
    const at = `model.layers.${layer}`;
    const normed = states.map((x) => norm(x, `${at}.input_layernorm.weight`));
    const project = (part: string) => {
      const weight = read(`${at}.self_attn.${part}_proj.weight`);
      return normed.map((x) => times(weight, x));
    };
    const clamp = (x: Float64Array) => x.map((value) => Math.max(-clip, Math.min(clip, value)));
    const rotated = (part: string) =>
      project(part).map((x, position) =>
        rotate(clamp(norm(x, `${at}.self_attn.${part}_norm.weight`)), position, hidden / heads, theta),
      );
    const mixed = attend(rotated('q'), rotated('k'), project('v').map(clamp), heads, kvHeads);
    const output = read(`${at}.self_attn.o_proj.weight`);
    states = states.map((x, token) => add(x, times(output, mixed[token] as Float64Array), 1));
    const router = read(`${at}.mlp.gate.weight`);
    const expert = (e: number) =>
      (['gate', 'up', 'down'] as const).map((part) => read(`${at}.mlp.experts.${e}.${part}_proj.weight`)) as [
        Matrix,
        Matrix,
        Matrix,
      ];
    const weights = Array.from({ length: experts }, (_, e) => expert(e));
    const layerChoice: number[][] = [];
    states = states.map((x) => {
      const input = norm(x, `${at}.post_attention_layernorm.weight`);
      const scores = softmax(times(router, input));
      const order = Array.from(scores.keys()).sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
      const best = order.slice(0, topK);
      layerChoice.push(best);
      const share = config.renormalise ? best.reduce((sum, e) => sum + (scores[e] as number), 0) : 1;
      return best.reduce((sum, e) => {
        const [gate, up, down] = weights[e] as [Matrix, Matrix, Matrix];
        const g = times(gate, input);
        const u = times(up, input);
        const inner = g.map((value, i) => (value / (1 + Math.exp(-value))) * (u[i] as number));
        return add(sum, times(down, inner), (scores[e] as number) / share);
      }, x);
    });
    chosen.push(layerChoice);
  }
  const head = read('lm_head.weight');
  const logits = states.map((x) => times(head, norm(x, 'model.norm.weight')));
  checkpoint.close();
  return { experts: chosen, logits };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function add(a: Float64Array, b: Float64Array, weight: number): Float64Array {
  return a.map((value, i) => value + weight * (b[i] as number));
}

function softmax(x: Float64Array): Float64Array {
  const largest = Math.max(...x);
  const powers = x.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}

function rotate(x: Float64Array, position: number, dim: number, theta: number): Float64Array {
  const out = x.slice();
  for (let head = 0; head < x.length; head += dim) {
    for (let i = 0; i < dim / 2; i++) {
      const angle = position * theta ** ((-2 * i) / dim);
      const [a, b] = [x[head + i] as number, x[head + i + dim / 2] as number];
      out[head + i] = a * Math.cos(angle) - b * Math.sin(angle);
      out[head + i + dim / 2] = b * Math.cos(angle) + a * Math.sin(angle);
    }
  }
  return out;
}

function attend(
  q: Float64Array[],
  k: Float64Array[],
  v: Float64Array[],
  heads: number,
  kvHeads: number,
): Float64Array[] {
  const width = (q[0]?.length ?? 0) / heads;
  const part = (x: Float64Array, head: number) => x.subarray(head * width, (head + 1) * width);
  return q.map((query, token) => {
    const out = new Float64Array(query.length);
    for (let head = 0; head < heads; head++) {
      const shared = Math.floor(head / (heads / kvHeads));
      const seen = k.slice(0, token + 1);
      const score = (key: Float64Array) => dot(part(query, head), part(key, shared)) / Math.sqrt(width);
      const weights = softmax(Float64Array.from(seen, score));
      for (const [at, weight] of weights.entries()) {
        const value = part(v[at] as Float64Array, shared);
        for (let i = 0; i < width; i++)
          out[head * width + i] = (out[head * width + i] as number) + weight * (value[i] as number);
      }
    }
    return out;
  });
}
