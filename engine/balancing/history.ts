import type { LoadHistory } from './placement.ts';

/**
 * Shares of a layer's tokens by expert, a row a batch [batches with tokens][experts]. Shares, not tokens, so that a long batch
 * counts as much as a short one (paper, A_mb); batches in which the layer got no token say nothing and are left out.
 */
export function shareRows({ layers, experts, batches, counts }: LoadHistory, layer: number): Float64Array[] {
  const rows: Float64Array[] = [];
  for (let batch = 0; batch < batches; batch++) {
    const row = Float64Array.from(
      counts.subarray((batch * layers + layer) * experts, (batch * layers + layer + 1) * experts),
    );
    const total = row.reduce((sum, tokens) => sum + tokens, 0);
    if (total > 0) rows.push(row.map((tokens) => tokens / total));
  }
  return rows;
}

/**
 * Mean share by expert [experts]; zeros where there is no row. Divided once, at the end: shares of batches with 2^n tokens add
 * up without rounding then, and experts with equal loads stay equal.
 */
export function meanShares(rows: readonly Float64Array[], experts: number): Float64Array {
  const mean = new Float64Array(experts);
  for (const row of rows) {
    for (let expert = 0; expert < experts; expert++) {
      mean[expert] = (mean[expert] as number) + (row[expert] as number);
    }
  }
  return mean.map((sum) => sum / Math.max(1, rows.length));
}

/** Tokens of a layer by expert over all batches [experts]. */
export function totalTokens({ layers, experts, batches, counts }: LoadHistory, layer: number): Float64Array {
  const total = new Float64Array(experts);
  for (let batch = 0; batch < batches; batch++) {
    const from = (batch * layers + layer) * experts;
    for (let expert = 0; expert < experts; expert++) {
      total[expert] = (total[expert] as number) + (counts[from + expert] as number);
    }
  }
  return total;
}

/** Batches [from, to) of a history, as a view of the same counts. */
export function sliceBatches(history: LoadHistory, from: number, to: number): LoadHistory {
  const size = history.layers * history.experts;
  return { ...history, batches: to - from, counts: history.counts.subarray(from * size, to * size) };
}
