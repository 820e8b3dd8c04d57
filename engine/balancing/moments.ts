import { meanShares } from './history.ts';

/**
 * Sample covariance of the experts' shares over the rows, row-major [experts, experts]; zeros with fewer than two rows. An
 * expert whose share never changes has exactly zero with all others: rounding of its mean must not look like variance.
 */
export function shareCovariance(rows: readonly Float64Array[], experts: number): Float64Array {
  const covariance = new Float64Array(experts * experts);
  if (rows.length < 2) return covariance;
  const mean = meanShares(rows, experts);
  const varies = Array.from({ length: experts }, (_, expert) => rows.some((row) => row[expert] !== rows[0]?.[expert]));
  const centred = rows.map((row) =>
    row.map((share, expert) => (varies[expert] ? share - (mean[expert] as number) : 0)),
  );
  for (const row of centred) {
    for (let a = 0; a < experts; a++) {
      const scaled = (row[a] as number) / (rows.length - 1);
      if (scaled === 0) continue;
      for (let b = a; b < experts; b++) {
        covariance[a * experts + b] = (covariance[a * experts + b] as number) + scaled * (row[b] as number);
      }
    }
  }
  for (let a = 0; a < experts; a++) {
    for (let b = 0; b < a; b++) covariance[a * experts + b] = covariance[b * experts + a] as number;
  }
  return covariance;
}

/** Pearson correlation [experts, experts] from a covariance; 0 with an expert of zero variance, where it is undefined. */
export function correlation(covariance: Float64Array, experts: number): Float64Array {
  const deviation = Float64Array.from({ length: experts }, (_, a) => Math.sqrt(covariance[a * experts + a] as number));
  return covariance.map((value, at) => {
    const scale = (deviation[Math.floor(at / experts)] as number) * (deviation[at % experts] as number);
    return scale > 0 ? value / scale : 0;
  });
}
