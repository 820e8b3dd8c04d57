/**
 * SparseMixer as PhiMoE routes at inference, logits s: the largest is chosen first, the largest of the rest second, and each weighs
 * its softmax over the logits that come near it, j with (m - s_j) / max(|s_j|, m) <= 2 epsilon, m the chosen one's, the first out of
 * the second's sum. Weights are not normalised: an unrivalled choice weighs 1, so both together up to 2.
 * @param logits this token's are [at, at + experts), experts at least 2
 * @param ids receives two ids at `out`
 * @param weights receives their weights at `out`
 */
export function routeSparseMixer(
  epsilon: number,
  logits: Float32Array,
  at: number,
  experts: number,
  ids: Uint16Array,
  weights: Float32Array,
  out: number,
): void {
  let taken = -1;
  for (let choice = 0; choice < 2; choice++) {
    let best = -1;
    for (let expert = 0; expert < experts; expert++) {
      if (expert === taken) continue;
      if (best < 0 || (logits[at + expert] as number) > (logits[at + best] as number)) best = expert;
    }
    const largest = logits[at + best] as number;
    let sum = 0;
    for (let expert = 0; expert < experts; expert++) {
      if (expert === taken) continue;
      const logit = logits[at + expert] as number;
      // 0 / 0 is NaN, which compares false here: it counts as near, as in the reference.
      if ((largest - logit) / Math.max(Math.abs(logit), largest) > 2 * epsilon) continue;
      sum += Math.exp(logit - largest);
    }
    ids[out + choice] = best;
    weights[out + choice] = 1 / sum;
    taken = best;
  }
}
