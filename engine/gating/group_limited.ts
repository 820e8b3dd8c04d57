import { chooseLargest } from './choose_largest.ts';

/**
 * DeepSeek: scores s over all experts, which stand in groups of equal size one behind the other. A group is worth its largest score
 * (V2) or the sum of its two largest (V3); the best `keptGroups` stay, and the topK of their experts are chosen. Weights are s of the
 * chosen, divided by their sum where `renormalise`, times `factor` either way. Plain top-k is one group.
 *
 * A bias of each expert may be added to its score for choosing only: V3 keeps loads even with it, and it must not weigh.
 */
export interface GroupLimitedRule {
  readonly kind: 'group-limited';
  readonly topK: number;
  readonly score: 'softmax' | 'sigmoid';
  readonly groups: number;
  readonly keptGroups: number;
  /** How many of a group's largest scores make its worth. */
  readonly worthOf: 1 | 2;
  readonly renormalise: boolean;
  readonly factor: number;
}

/** Added to the sum that weights are divided by, as in the reference. */
const SUM_EPSILON = 1e-20;

/** Scores are float32, as in the reference: what it rounds to equal is equal here. */
let scores = new Float32Array(0);
let candidates = new Float32Array(0);

/**
 * @param logits this token's are [at, at + experts)
 * @param bias [experts], absent where nothing is added
 * @param ids receives topK expert ids at `out`, by falling score (with the bias)
 * @param weights receives their weights at `out`
 */
export function routeGroupLimited(
  rule: GroupLimitedRule,
  logits: Float32Array,
  at: number,
  experts: number,
  bias: Float32Array | undefined,
  ids: Uint16Array,
  weights: Float32Array,
  out: number,
): void {
  if (scores.length < experts) [scores, candidates] = [new Float32Array(experts), new Float32Array(experts)];
  if (rule.score === 'softmax') softmax(logits, at, experts);
  else for (let e = 0; e < experts; e++) scores[e] = 1 / (1 + Math.exp(-(logits[at + e] as number)));
  for (let e = 0; e < experts; e++) candidates[e] = (scores[e] as number) + (bias?.[e] ?? 0);
  if (rule.keptGroups < rule.groups) dropGroups(rule, experts);
  const { topK, renormalise, factor } = rule;
  chooseLargest(candidates, 0, experts, topK, ids, weights, out);
  let sum = renormalise ? SUM_EPSILON : 1;
  for (let j = out; j < out + topK; j++) {
    const score = scores[ids[j] as number] as number;
    weights[j] = score;
    if (renormalise) sum += score;
  }
  for (let j = out; j < out + topK; j++) weights[j] = ((weights[j] as number) / sum) * factor;
}

function softmax(logits: Float32Array, at: number, experts: number): void {
  let largest = Number.NEGATIVE_INFINITY;
  for (let e = 0; e < experts; e++) largest = Math.max(largest, logits[at + e] as number);
  let sum = 0;
  for (let e = 0; e < experts; e++) sum += Math.exp((logits[at + e] as number) - largest);
  for (let e = 0; e < experts; e++) scores[e] = Math.exp((logits[at + e] as number) - largest) / sum;
}

/**
 * Experts of groups that do not stay get -Infinity: 0, which one library version takes, can beat a score that a bias made negative.
 */
function dropGroups({ groups, keptGroups, worthOf }: GroupLimitedRule, experts: number): void {
  const size = experts / groups;
  const worths = Float32Array.from({ length: groups }, (_, group) => worthOfGroup(group * size, size, worthOf));
  const kept = new Uint16Array(keptGroups);
  chooseLargest(worths, 0, groups, keptGroups, kept, new Float32Array(keptGroups), 0);
  for (let group = 0; group < groups; group++)
    if (!kept.includes(group)) candidates.fill(Number.NEGATIVE_INFINITY, group * size, (group + 1) * size);
}

/** Sum of the largest candidate, or the two largest, of [from, from + size). */
function worthOfGroup(from: number, size: number, worthOf: 1 | 2): number {
  let [first, second] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let e = from; e < from + size; e++) {
    const candidate = candidates[e] as number;
    if (candidate > first) [first, second] = [candidate, first];
    else if (candidate > second) second = candidate;
  }
  return worthOf === 1 ? first : first + second;
}
