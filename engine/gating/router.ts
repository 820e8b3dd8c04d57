/**
 * Router scores to chosen experts and weights, for one token at a time. Ties go to the lowest id, as ArgMax and TopK do.
 * Each architecture's rule is one member of the union; the weight always multiplies the expert's output.
 */
export type RouterRule = {
  /** p = softmax over all experts; the topK largest p are chosen and weigh as they are, or divided by their sum. */
  readonly kind: 'softmax';
  readonly topK: number;
  readonly renormalise: boolean;
};

/**
 * Routes one token.
 * @param logits router logits; this token's are [at, at + experts)
 * @param ids receives topK expert ids at `out`, by falling score
 * @param weights receives their weights at `out`
 */
export function routeToken(
  rule: RouterRule,
  logits: Float32Array,
  at: number,
  experts: number,
  ids: Uint16Array,
  weights: Float32Array,
  out: number,
): void {
  const k = rule.topK;
  // Insertion into a sorted list of k: k is 1 to 8 and most logits fail the first comparison.
  let filled = 0;
  for (let expert = 0; expert < experts; expert++) {
    const logit = logits[at + expert] as number;
    if (filled === k && !(logit > (weights[out + k - 1] as number))) continue;
    let slot = filled < k ? filled++ : k - 1;
    while (slot > 0 && logit > (weights[out + slot - 1] as number)) {
      weights[out + slot] = weights[out + slot - 1] as number;
      ids[out + slot] = ids[out + slot - 1] as number;
      slot--;
    }
    weights[out + slot] = logit;
    ids[out + slot] = expert;
  }
  const largest = weights[out] as number;
  // Softmax over all, divided by the sum of the chosen, equals softmax over the chosen: no need to visit the others.
  let denominator = 0;
  if (!rule.renormalise)
    for (let expert = 0; expert < experts; expert++) denominator += Math.exp((logits[at + expert] as number) - largest);
  for (let j = 0; j < k; j++) {
    const score = Math.exp((weights[out + j] as number) - largest);
    weights[out + j] = score;
    if (rule.renormalise) denominator += score;
  }
  for (let j = 0; j < k; j++) weights[out + j] = (weights[out + j] as number) / denominator;
}
