import { placeLayers } from './best_on_history.ts';
import { meanShares, shareRows } from './history.ts';
import { correlation, shareCovariance } from './moments.ts';
import { packByLoad } from './pack.ts';
import type { LoadHistory, Placement } from './placement.ts';

/** Weight of a correlation against a load (paper, Load Balancing, MT decoder). */
export const ANTI_CORRELATION = 0.5;

/**
 * `literal`: the coefficient as the paper prints it. Mean shares are about 1/E while correlations are in [-1, 1], so nearly all
 * of the sum is correlation then. `by-experts`: coefficient / E, which gives both terms the same scale.
 */
export type CorrelationScale = 'literal' | 'by-experts';

/**
 * Greedy that keeps apart what is busy together (paper): expert a sees on a device the load sum_m (mean_m + c * S_am) over the
 * experts m there, S their Pearson correlation over the history. Contiguous is a candidate too, per layer.
 */
export function antiCorrelation(history: LoadHistory, devices: number, scale: CorrelationScale): Placement {
  const { experts } = history;
  const c = scale === 'literal' ? ANTI_CORRELATION : ANTI_CORRELATION / experts;
  return placeLayers(history, devices, (layer) => {
    const rows = shareRows(history, layer);
    const together = correlation(shareCovariance(rows, experts), experts);
    return packByLoad(meanShares(rows, experts), devices, (expert, members) => {
      let sum = 0;
      for (const member of members) sum += together[expert * experts + member] as number;
      return c * sum;
    });
  });
}
