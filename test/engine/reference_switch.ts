import { add, attend, dot, type Matrix, softmax, type Vector, Weights } from './reference_math.ts';
import type { Batch, Passed } from './reference_nllb.ts';

/** Switch Transformers, written from the formulas of the sheet; buckets from its table of first distances. */
export interface SwitchConfig {
  readonly hidden: number;
  readonly heads: number;
  readonly layers: { readonly encoder: number; readonly decoder: number };
  readonly sparse: { readonly encoder: readonly number[]; readonly decoder: readonly number[] };
  readonly experts: number;
  readonly capacity: number;
  readonly tied: boolean;
  readonly activation: (value: number) => number;
}

const CAUSAL = [16, 19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113];
const BOTH_WAYS = [8, 12, 16, 23, 32, 46, 64, 91];

/** 32 buckets, 128 tokens at most. @param distance key minus query */
export function tableBucket(distance: number, bidirectional: boolean): number {
  const steps = bidirectional ? Math.abs(distance) : Math.max(0, -distance);
  const firsts = bidirectional ? BOTH_WAYS : CAUSAL;
  const exact = bidirectional ? 8 : 16;
  const bucket = steps < exact ? steps : exact + firsts.filter((first) => steps >= first).length - 1;
  return bucket + (bidirectional && distance > 0 ? 16 : 0);
}

export function switchPass(folder: string, config: SwitchConfig, { inputIds, mask, decoderIds }: Batch): Passed {
  const weights = new Weights(folder);
  const table = weights.matrix('shared.weight');
  const passed: Passed = { logits: [], encoder: [], decoder: [] };
  const real = (row: number, j: number) => (mask?.[row]?.[j] ?? 1) !== 0;
  let encoded: Matrix[] = [];
  for (const stack of ['encoder', 'decoder'] as const) {
    const ids = stack === 'encoder' ? inputIds : decoderIds;
    let states: Matrix[] = ids.map((row) => row.map((id) => (table[id] as Vector).slice()));
    const bias = weights.matrix(`${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`);
    for (let block = 0; block < config.layers[stack]; block++) {
      const at = `${stack}.block.${block}.layer`;
      const norm = weights.rmsNorm(`${at}.0.layer_norm`, 1e-6);
      const project = projections(weights, `${at}.0.SelfAttention`);
      states = states.map((x, row) => {
        const n = x.map(norm);
        const mixed = attend(
          n.map(project.q),
          n.map(project.k),
          n.map(project.v),
          config.heads,
          1,
          (i, j) => (stack === 'encoder' ? real(row, j) : j <= i),
          (h, i, j) => bias[tableBucket(j - i, stack === 'encoder')]?.[h] as number,
        );
        return x.map((state, i) => add(state, project.o(mixed[i] as Vector)));
      });
      if (stack === 'decoder') {
        const crossNorm = weights.rmsNorm(`${at}.1.layer_norm`, 1e-6);
        const cross = projections(weights, `${at}.1.EncDecAttention`);
        states = states.map((x, row) => {
          const source = encoded[row] as Matrix;
          const q = x.map(crossNorm).map(cross.q);
          const mixed = attend(q, source.map(cross.k), source.map(cross.v), config.heads, 1, (_, j) => real(row, j));
          return x.map((state, i) => add(state, cross.o(mixed[i] as Vector)));
        });
      }
      const last = `${at}.${stack === 'encoder' ? 1 : 2}`;
      states = feedForward(weights, last, states, config, config.sparse[stack].includes(block), passed[stack]);
    }
    const norm = weights.rmsNorm(`${stack}.final_layer_norm`, 1e-6);
    states = states.map((x) => x.map(norm));
    if (stack === 'encoder') encoded = states;
    else {
      const head = config.tied ? table : weights.matrix('lm_head.weight');
      const scale = config.tied ? config.hidden ** -0.5 : 1;
      for (const x of states)
        passed.logits.push(x.map((state) => Float64Array.from(head, (row) => scale * dot(row, state))));
    }
  }
  weights.close();
  return passed;
}

function projections(weights: Weights, at: string) {
  const of = (part: string) => weights.linear(`${at}.${part}`);
  return { q: of('q'), k: of('k'), v: of('v'), o: of('o') };
}

function feedForward(
  weights: Weights,
  at: string,
  states: Matrix[],
  { experts, capacity, activation }: SwitchConfig,
  sparse: boolean,
  chosen: number[][][],
): Matrix[] {
  const norm = weights.rmsNorm(`${at}.layer_norm`, 1e-6);
  const mlp = (name: string) => {
    const first = weights.linear(`${name}.wi`);
    const second = weights.linear(`${name}.wo`);
    return (x: Vector) => second(first(x).map(activation));
  };
  if (!sparse) {
    const dense = mlp(`${at}.mlp`);
    return states.map((x) => x.map((state) => add(state, dense(norm(state)))));
  }
  const router = weights.linear(`${at}.mlp.router.classifier`);
  const all = Array.from({ length: experts }, (_, e) => mlp(`${at}.mlp.experts.expert_${e}`));
  const layer: number[][] = [];
  const out = states.map((x) => {
    const taken = new Array<number>(experts).fill(0);
    return x.map((state) => {
      const n = norm(state);
      const p = softmax(router(n));
      const expert = p.indexOf(Math.max(...p));
      taken[expert] = (taken[expert] as number) + 1;
      const kept = (taken[expert] as number) <= capacity;
      layer.push([kept ? expert : -1]);
      return kept ? add(state, (all[expert] as (v: Vector) => Vector)(n), p[expert]) : state;
    });
  });
  chosen.push(layer);
  return out;
}
