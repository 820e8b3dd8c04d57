import type { RunRecording } from '../../protocol/run_recording.ts';
import { mean, quantile } from './buckets.ts';

/** Experts of one layer that no token of a step chose. Measured. */
export interface IdleLayer {
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
    const idle = Float64Array.from(steps, ({ ids }) => {
      const pairs = ids.length / moeLayers;
      stamp++;
      let active = 0;
      for (let at = layer * pairs; at < (layer + 1) * pairs; at++) {
        const expert = ids[at] as number;
        if (expert >= experts || seen[expert] === stamp) continue;
        seen[expert] = stamp;
        active++;
      }
      return experts - active;
    });
    const average = mean(idle);
    idle.sort();
    return { mean: average, low: quantile(idle, 0.1), high: quantile(idle, 0.9) };
  });
}
