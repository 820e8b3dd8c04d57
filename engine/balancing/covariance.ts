import { placeLayers } from './best_on_history.ts';
import { meanShares, shareRows } from './history.ts';
import { shareCovariance } from './moments.ts';
import { packByLoad } from './pack.ts';
import type { LoadHistory, Placement } from './placement.ts';
import { randomIntegers } from './random_integers.ts';

export interface CovarianceOptions {
  /** Weight of the covariance against the product of the means. */
  readonly gamma: number;
  readonly tries: number;
  readonly seed: number;
}

const DEFAULT_COVARIANCE: CovarianceOptions = { gamma: 2, tries: 6000, seed: 1 };

/**
 * Mean and covariance: a swap search from greedy that minimises sum_d x_d' Q x_d, x_d the 0/1 members of device d and
 * Q = m m' + gamma Cov, m the mean shares and Cov their sample covariance over the history. The mean part is a device's squared
 * mean load, the other the variance of its load: the paper's idea of keeping apart what is busy together, on the means' scale.
 * The same history and options always give the same placement. Contiguous is a candidate too, per layer.
 */
export function covariance(
  history: LoadHistory,
  devices: number,
  { gamma, tries, seed }: CovarianceOptions = DEFAULT_COVARIANCE,
): Placement {
  const { experts } = history;
  return placeLayers(history, devices, (layer) => {
    const rows = shareRows(history, layer);
    const mean = meanShares(rows, experts);
    const cost = shareCovariance(rows, experts).map(
      (value, at) => (mean[Math.floor(at / experts)] as number) * (mean[at % experts] as number) + gamma * value,
    );
    return swapSearch(cost, packByLoad(mean, devices), devices, tries, seed);
  });
}

/** Swaps of two experts keep the devices' numbers as they are. A change must gain more than what rounding can feign. */
const LEAST_GAIN = 1e-12;

/**
 * Random swaps, taken where they lower sum_d x_d' Q x_d.
 * @param cost Q, symmetric, row-major [experts, experts]
 * @param start device by expert [experts], left as it is
 */
function swapSearch(cost: Float64Array, start: Uint8Array, devices: number, tries: number, seed: number): Uint8Array {
  const row = start.slice();
  const experts = row.length;
  if (experts < 2 || devices < 2) return row;
  const q = (a: number, b: number) => cost[a * experts + b] as number;
  // G = Q X: what an expert costs beside the members of a device [experts, devices].
  const beside = new Float64Array(experts * devices);
  const g = (expert: number, device: number) => beside[expert * devices + device] as number;
  const add = (expert: number, device: number, amount: number) => {
    beside[expert * devices + device] = g(expert, device) + amount;
  };
  for (let a = 0; a < experts; a++) for (let b = 0; b < experts; b++) add(a, row[b] as number, q(a, b));
  const next = randomIntegers(seed);
  for (let attempt = 0; attempt < tries; attempt++) {
    const a = next(experts);
    const b = next(experts);
    const da = row[a] as number;
    const db = row[b] as number;
    if (da === db) continue;
    const change = 2 * (g(b, da) - g(a, da) + g(a, db) - g(b, db) + q(a, a) + q(b, b) - 2 * q(a, b));
    if (change >= -LEAST_GAIN) continue;
    row[a] = db;
    row[b] = da;
    for (let expert = 0; expert < experts; expert++) {
      const moved = q(expert, b) - q(expert, a);
      add(expert, da, moved);
      add(expert, db, -moved);
    }
  }
  return row;
}
