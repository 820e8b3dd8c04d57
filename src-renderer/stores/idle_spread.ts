import { NOT_RUN } from '../../engine/protocol/telemetry.ts';
import type { RunHistory } from './history.ts';

export interface Spread {
  /** 5th and 95th percentile. */
  readonly low: number;
  readonly high: number;
}

/** Percentiles are taken from every nth step, so that at most this many are looked at; means and sums are taken from all. */
const MOST_SAMPLES = 4096;

/** Where the middle 90% of the steps that ran a layer lie, of experts without a token. Empty when there are no steps. */
export function idleSpread(history: RunHistory, from: number, to: number, experts: number): readonly Spread[] {
  if (to <= from) return [];
  const { layers } = history.shape;
  const { inactive } = history.columns;
  const bins = experts + 1;
  const histogram = new Uint32Array(layers * bins);
  const stride = Math.ceil((to - from) / MOST_SAMPLES);
  for (let row = from; row < to; row += stride) {
    const at = history.slot(row) * layers;
    for (let layer = 0; layer < layers; layer++) {
      const value = inactive[at + layer] ?? NOT_RUN;
      if (value === NOT_RUN) continue;
      const bin = layer * bins + Math.min(value, experts);
      histogram[bin] = (histogram[bin] ?? 0) + 1;
    }
  }
  return Array.from({ length: layers }, (_, layer) => {
    const own = histogram.subarray(layer * bins, (layer + 1) * bins);
    const samples = own.reduce((sum, steps) => sum + steps, 0);
    if (samples === 0) return { low: 0, high: 0 };
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
