import type { RunHistory } from './history.ts';

export interface Spread {
  /** 5th and 95th percentile. */
  readonly low: number;
  readonly high: number;
}

/** Percentiles are taken from every nth step, so that at most this many are looked at; means and sums are taken from all. */
const MOST_SAMPLES = 4096;

/** Where the middle 90% of steps lie, of experts without a token by layer. Empty when there are no steps. */
export function idleSpread(history: RunHistory, from: number, to: number, experts: number): readonly Spread[] {
  if (to <= from) return [];
  const { layers } = history.shape;
  const { inactive } = history.columns;
  const bins = experts + 1;
  const histogram = new Uint32Array(layers * bins);
  const stride = Math.ceil((to - from) / MOST_SAMPLES);
  let samples = 0;
  for (let row = from; row < to; row += stride) {
    const at = history.slot(row) * layers;
    samples++;
    for (let layer = 0; layer < layers; layer++) {
      const bin = layer * bins + Math.min(inactive[at + layer] ?? 0, experts);
      histogram[bin] = (histogram[bin] ?? 0) + 1;
    }
  }
  return Array.from({ length: layers }, (_, layer) => {
    const own = histogram.subarray(layer * bins, (layer + 1) * bins);
    return { low: percentile(own, samples, 0.05), high: percentile(own, samples, 0.95) };
  });
}

/** Nearest-rank percentile of a histogram whose bins are the values. */
function percentile(bins: Uint32Array, total: number, share: number): number {
  const target = share * (total - 1);
  let seen = 0;
  for (let value = 0; value < bins.length; value++) {
    seen += bins[value] ?? 0;
    if (seen > target) return value;
  }
  return bins.length - 1;
}
