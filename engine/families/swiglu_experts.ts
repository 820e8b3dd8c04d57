import type { ConfigReader } from '../checkpoint/config.ts';
import type { RouterRule } from '../gating/router.ts';
import type { ExpertSpec, FeedForwardSpec, WeightRef } from './spec.ts';
import type { TensorCheck } from './tensor_check.ts';

type Moe = Extract<FeedForwardSpec, { kind: 'moe' }>;

/** Where a layer's experts may be stored: a tensor each, or fused over all experts as newer libraries write them. */
export interface ExpertNames {
  /** Names of the router's weight, of which one is there. */
  readonly router: readonly string[];
  /** `PREFIX.E.PART.weight` */
  readonly each?: { readonly prefix: string; readonly gate: string; readonly up: string; readonly down: string };
  /** gateUp [experts, 2 width, hidden], rows gate then up; down [experts, hidden, width]. */
  readonly fused: readonly { readonly gateUp: string; readonly down: string }[];
}

export interface RoutedShape {
  readonly hidden: number;
  readonly experts: number;
  readonly width: number;
  readonly rule: RouterRule;
}

/** What an architecture's class takes for keys that config.json leaves out, and the key of the experts' width. */
export interface RoutedDefaults {
  readonly experts: number;
  readonly topK: number;
  readonly width: number;
  readonly widthKey?: 'intermediate_size' | 'moe_intermediate_size';
}

/** The best of a softmax over all experts. @param renormalise weights are divided by the sum of the chosen */
export function readSoftmaxRouting(
  config: ConfigReader,
  hidden: number,
  { experts: fallback, topK, width, widthKey = 'intermediate_size' }: RoutedDefaults,
  renormalise: boolean,
): RoutedShape {
  const experts = config.expertCount(fallback);
  return {
    hidden,
    experts,
    width: config.int(widthKey, { min: 1, default: width }),
    rule: {
      kind: 'softmax',
      topK: config.int('num_experts_per_tok', { min: 1, max: experts, default: topK }),
      renormalise,
    },
  };
}

/** The names that most architectures share, under `PREFIX.mlp`. */
export function mlpExperts(prefix: string): ExpertNames {
  const experts = `${prefix}.mlp.experts`;
  return {
    router: [`${prefix}.mlp.gate.weight`],
    each: { prefix: experts, gate: 'gate_proj', up: 'up_proj', down: 'down_proj' },
    fused: [{ gateUp: `${experts}.gate_up_proj`, down: `${experts}.down_proj` }],
  };
}

/** Names as Mixtral's first library had them, `block_sparse_moe` with w1 (gate), w3 (up) and w2 (down), and as they are now. */
export function mixtralExperts(prefix: string, router: string): ExpertNames {
  const block = `${prefix}.block_sparse_moe`;
  return {
    router: [`${block}.gate.weight`, `${prefix}.mlp.${router}.weight`],
    each: { prefix: `${block}.experts`, gate: 'w1', up: 'w3', down: 'w2' },
    fused: mlpExperts(prefix).fused,
  };
}

/** Router and experts of a MoE layer. @throws EngineRefusal for a missing or wrongly shaped tensor */
export function swigluMoe(check: TensorCheck, shape: RoutedShape, names: ExpertNames): Moe {
  const { hidden, experts, width, rule } = shape;
  return {
    kind: 'moe',
    router: { weight: check.firstOf(names.router, [experts, hidden]), inFeatures: hidden, outFeatures: experts },
    rule,
    experts,
    width,
    expert: readExperts(check, shape, names),
  };
}

/** A feed-forward that every token runs: `PREFIX.{gate,up,down}_proj`. */
export function swigluMlp(check: TensorCheck, prefix: string, hidden: number, width: number): ExpertSpec {
  return swiglu(check, hidden, width, (part) => `${prefix}.${part}_proj.weight`);
}

function swiglu(
  check: TensorCheck,
  hidden: number,
  width: number,
  name: (part: 'gate' | 'up' | 'down') => string,
): ExpertSpec {
  return {
    kind: 'swiglu',
    gate: check.weight(name('gate'), [width, hidden]),
    up: check.weight(name('up'), [width, hidden]),
    down: check.weight(name('down'), [hidden, width]),
  };
}

function readExperts(check: TensorCheck, shape: RoutedShape, { each, fused }: ExpertNames): Moe['expert'] {
  const { hidden, experts, width } = shape;
  const stored = fused.find((names) => check.has(names.gateUp));
  if (stored === undefined && each !== undefined) {
    const all = Array.from({ length: experts }, (_, id) =>
      swiglu(check, hidden, width, (part) => `${each.prefix}.${id}.${each[part]}.weight`),
    );
    return (id) => all[id] as ExpertSpec;
  }
  const names = stored ?? (fused[0] as (typeof fused)[number]);
  const gateUp = check.weight(names.gateUp, [experts, 2 * width, hidden]).tensor;
  const down = check.weight(names.down, [experts, hidden, width]).tensor;
  // Row ranges count rows of the matrix seen as [experts * rows, columns].
  const rows = (tensor: string, firstRow: number, count: number): WeightRef => ({ tensor, firstRow, rows: count });
  return (id) => ({
    kind: 'swiglu',
    gate: rows(gateUp, id * 2 * width, width),
    up: rows(gateUp, id * 2 * width + width, width),
    down: rows(down, id * hidden, hidden),
  });
}
