import { chooseLargest } from './choose_largest.ts';
import { type GroupLimitedRule, routeGroupLimited } from './group_limited.ts';
import { routeSparseMixer } from './sparse_mixer.ts';

/** In place of an expert's id: the choice was dropped, or the layer is not of the token's stack. */
export const NO_EXPERT = 0xffff;

/** Token-expert pairs among choices: all but the dropped ones and those of another stack's layers. */
export function routedPairs(ids: Uint16Array): number {
  let pairs = 0;
  for (const id of ids) if (id !== NO_EXPERT) pairs++;
  return pairs;
}

/**
 * Router scores to chosen experts and weights, for one token at a time. Ties go to the lowest id, as ArgMax and TopK do.
 * Each architecture's rule is one member of the union; the weight always multiplies the expert's output.
 * Rules with a capacity of their own drop choices afterwards: gating/capacity.ts.
 */
export type RouterRule =
  /** p = softmax over all experts; the topK largest p are chosen and weigh as they are, or divided by their sum. */
  | { readonly kind: 'softmax'; readonly topK: number; readonly renormalise: boolean }
  /** Switch: the largest p, as it is; an expert takes the first `capacity` tokens of a sequence. */
  | { readonly kind: 'switch'; readonly topK: 1; readonly capacity: number }
  /** PhiMoE: see gating/sparse_mixer.ts. */
  | { readonly kind: 'sparse-mixer'; readonly topK: 2; readonly epsilon: number }
  | GroupLimitedRule
  | NllbRule;

/** NLLB-MoE: the two largest p, normalised over the two before or after choices beyond an expert's capacity are dropped. */
export interface NllbRule {
  readonly kind: 'nllb';
  readonly topK: 2;
  /** Of N tokens routed together an expert takes ceil(fraction N) first and second choices, a fixed number, or 2 ceil(N / E). */
  readonly capacity:
    | { readonly kind: 'fraction'; readonly fraction: number }
    | { readonly kind: 'fixed'; readonly tokens: number }
    | { readonly kind: 'even' };
  /** Places go to the surest tokens first (falling p of the first choice) instead of in order. */
  readonly prioritised: boolean;
  readonly normalise: 'before-dropping' | 'after-dropping';
  /** Multiplies every weight: 1 - moe_token_dropout, which the reference applies at inference too. */
  readonly factor: number;
  /** Padding takes no place and gets no expert. */
  readonly skipsPadding: boolean;
}

/**
 * Routes one token.
 * @param logits router logits; this token's are [at, at + experts)
 * @param ids receives topK expert ids at `out`, by falling score
 * @param weights receives their weights at `out`; of an `nllb` rule p itself, which `applyCapacity` turns into weights
 * @param bias [experts] of a `group-limited` rule, where it has one
 */
export function routeToken(
  rule: RouterRule,
  logits: Float32Array,
  at: number,
  experts: number,
  ids: Uint16Array,
  weights: Float32Array,
  out: number,
  bias?: Float32Array,
): void {
  if (rule.kind === 'sparse-mixer') {
    routeSparseMixer(rule.epsilon, logits, at, experts, ids, weights, out);
    return;
  }
  if (rule.kind === 'group-limited') {
    routeGroupLimited(rule, logits, at, experts, bias, ids, weights, out);
    return;
  }
  const k = rule.topK;
  const renormalise = rule.kind === 'softmax' && rule.renormalise;
  chooseLargest(logits, at, experts, k, ids, weights, out);
  const largest = weights[out] as number;
  // Softmax over all, divided by the sum of the chosen, equals softmax over the chosen: no need to visit the others.
  let denominator = 0;
  if (!renormalise)
    for (let expert = 0; expert < experts; expert++) denominator += Math.exp((logits[at + expert] as number) - largest);
  for (let j = 0; j < k; j++) {
    const score = Math.exp((weights[out + j] as number) - largest);
    weights[out + j] = score;
    if (renormalise) denominator += score;
  }
  for (let j = 0; j < k; j++) weights[out + j] = (weights[out + j] as number) / denominator;
}
