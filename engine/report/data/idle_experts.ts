import type { RunRecording } from '../../protocol/run_recording.ts';
import { mean, quantile } from './buckets.ts';

/** Experts of one layer that no token of a step chose, over the steps that ran the layer. Measured. */
export interface IdleLayer {
  /** Steps with a token in the layer: an encoder's has one only where sources are encoded. */
  readonly steps: number;
  readonly mean: number;
  /** Tenth and ninetieth percentile over the steps. */
  readonly low: number;
  readonly high: number;
}

/** One entry per MoE layer; NaN where there is no step. */
export function idleExperts({ header, steps }: RunRecording): IdleLayer[] {
  const { moeLayers, experts } = header;
  const seen = new Int32Array(experts);
  let stamp = 0;
  return Array.from({ length: moeLayers }, (_, layer) => {
    const idle = steps.flatMap(({ ids }) => {
      const pairs = ids.length / moeLayers;
      stamp++;
      let active = 0;
      for (let at = layer * pairs; at < (layer + 1) * pairs; at++) {
        const expert = ids[at] as number;
        if (expert >= experts || seen[expert] === stamp) continue;
        seen[expert] = stamp;
        active++;
      }
      return active === 0 ? [] : [experts - active];
    });
    const sorted = Float64Array.from(idle).sort();
    return { steps: idle.length, mean: mean(sorted), low: quantile(sorted, 0.1), high: quantile(sorted, 0.9) };
  });
}
