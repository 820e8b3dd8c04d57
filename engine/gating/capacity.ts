import { type NllbRule, NO_EXPERT, type RouterRule } from './router.ts';

/** Below it the denominator of normalised weights is clamped, as in the reference: the machine epsilon of float32. */
const FLOAT32_EPSILON = 2 ** -23;

/** Tokens [from, to) that compete for the places of experts: one sequence, or a whole call. */
export interface RoutedTogether {
  readonly from: number;
  readonly to: number;
}

/**
 * Drops the choices that a router rule's own capacity does not hold: the id becomes NO_EXPERT, the weight 0, so that whatever
 * gating policy plans the rows after it never sees them. This is the model's meaning, not a gating policy's.
 *
 * What competes is the caller's choice, since the reference lets it depend on how it was called. A run lets every sequence be
 * routed as the reference routes it alone (source whole, new tokens one by one): the output then does not depend on which
 * sequences share a step, on devices, or on placement. The `logits` command is one call of the reference: all rows together.
 * @param ids, weights chosen by `routeToken`, [tokens, topK] from `at`
 * @param padding 1 for tokens that are padding, by token; absent where there is none
 */
export function applyCapacity(
  rule: RouterRule,
  experts: number,
  ids: Uint16Array,
  weights: Float32Array,
  at: number,
  { from, to }: RoutedTogether,
  padding?: Uint8Array,
): void {
  if (rule.kind === 'switch') dropInOrder(rule.capacity, experts, ids, weights, at, from, to);
  else if (rule.kind === 'nllb') routeNllb(rule, experts, ids, weights, at, from, to, padding);
}

function dropInOrder(
  capacity: number,
  experts: number,
  ids: Uint16Array,
  weights: Float32Array,
  at: number,
  from: number,
  to: number,
): void {
  if (to - from <= capacity) return;
  const taken = new Int32Array(experts);
  for (let pair = at + from; pair < at + to; pair++) {
    const expert = ids[pair] as number;
    const place = taken[expert] as number;
    taken[expert] = place + 1;
    if (place < capacity) continue;
    ids[pair] = NO_EXPERT;
    weights[pair] = 0;
  }
}

/** Most first choices, and second choices behind them, that one expert takes of `tokens`. */
function nllbCapacity({ capacity }: NllbRule, tokens: number, experts: number): number {
  switch (capacity.kind) {
    case 'fraction':
      return Math.ceil(capacity.fraction * tokens);
    case 'fixed':
      return capacity.tokens;
    case 'even':
      return 2 * Math.ceil(tokens / experts);
  }
}

function routeNllb(
  rule: NllbRule,
  experts: number,
  ids: Uint16Array,
  weights: Float32Array,
  at: number,
  from: number,
  to: number,
  padding: Uint8Array | undefined,
): void {
  const places = nllbCapacity(rule, to - from, experts);
  const skipped = (token: number) => rule.skipsPadding && padding?.[token] === 1;
  const dropped = new Uint8Array(2 * (to - from));
  if (places < to - from) {
    const order = orderOf(rule, weights, at, from, to);
    const taken = new Int32Array(experts);
    // Second choices queue behind all first choices of the expert, dropped ones included.
    for (let choice = 0; choice < 2; choice++) {
      for (const token of order) {
        if (skipped(token)) continue;
        const expert = ids[at + 2 * token + choice] as number;
        const place = taken[expert] as number;
        taken[expert] = place + 1;
        if (place >= places) dropped[2 * (token - from) + choice] = 1;
      }
    }
  }
  for (let token = from; token < to; token++) {
    const first = at + 2 * token;
    const out = 2 * (token - from);
    const keep1 = skipped(token) || dropped[out] === 1 ? 0 : 1;
    const keep2 = skipped(token) || dropped[out + 1] === 1 ? 0 : 1;
    const p1 = weights[first] as number;
    const p2 = weights[first + 1] as number;
    const sum = rule.normalise === 'before-dropping' ? p1 + p2 : p1 * keep1 + p2 * keep2;
    const scale = rule.factor / Math.max(sum, FLOAT32_EPSILON);
    weights[first] = p1 * keep1 * scale;
    weights[first + 1] = p2 * keep2 * scale;
    if (keep1 === 0) ids[first] = NO_EXPERT;
    if (keep2 === 0) ids[first + 1] = NO_EXPERT;
  }
}

/** Tokens in the order in which they take places; equal probabilities keep their order. */
function orderOf(rule: NllbRule, weights: Float32Array, at: number, from: number, to: number): Int32Array {
  const order = Int32Array.from({ length: to - from }, (_, index) => from + index);
  if (!rule.prioritised) return order;
  const sureness = (token: number) => weights[at + 2 * token] as number;
  return order.sort((a, b) => sureness(b) - sureness(a) || a - b);
}
