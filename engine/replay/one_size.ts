import { ExpertCache } from '../buffering/expert_cache.ts';
import type { EvictionName } from '../protocol/settings.ts';
import type { ActiveSets } from './active_sets.ts';
import { stepSlices } from './miss_counts.ts';
import type { Pace } from './pace.ts';
import { serve } from './replay_cache.ts';

export interface SizeCounts {
  readonly misses: number;
  /** Mean over the scored steps of the device that missed most. */
  readonly missesPerStep: number;
  /** All devices together [moeLayers]. */
  readonly byLayer: Float64Array;
}

/**
 * Any policy at one size: the expert caches that ranks run, with nothing behind them.
 * @param scored 1 where a step counts [steps] @param slots per device, by layer [moeLayers]
 */
export async function replayOneSize(
  eviction: EvictionName,
  sets: ActiveSets,
  scored: Uint8Array,
  slots: ArrayLike<number>,
  pace: Pace,
): Promise<SizeCounts> {
  const { moeLayers, devices, experts, ids, offsets, held } = sets;
  const caches = Array.from({ length: moeLayers * devices }, (_, event) => {
    const size = Math.min(slots[Math.floor(event / devices)] as number, held[event] as number);
    return new ExpertCache(experts, Math.max(1, size), eviction);
  });
  const active = new Int32Array(experts);
  const byLayer = new Float64Array(moeLayers);
  const ofDevice = new Int32Array(devices);
  let slowest = 0;
  let steps = 0;
  for (const [fromStep, toStep] of stepSlices(sets).list) {
    for (let step = fromStep; step < toStep; step++) {
      ofDevice.fill(0);
      for (let layer = 0; layer < moeLayers; layer++) {
        const first = (step * moeLayers + layer) * devices;
        // A step that has no token for the layer does not pass there.
        if (offsets[first] === offsets[first + devices]) continue;
        for (let device = 0; device < devices; device++) {
          const from = offsets[first + device] as number;
          const count = (offsets[first + device + 1] as number) - from;
          for (let i = 0; i < count; i++) active[i] = ids[from + i] as number;
          const misses = serve(caches[layer * devices + device] as ExpertCache, active, count);
          if (scored[step] === 0) continue;
          byLayer[layer] = (byLayer[layer] as number) + misses;
          ofDevice[device] = (ofDevice[device] as number) + misses;
        }
      }
      if (scored[step] === 0) continue;
      steps++;
      slowest += ofDevice.reduce((most, misses) => Math.max(most, misses), 0);
    }
    await pace.rest();
  }
  return {
    misses: byLayer.reduce((sum, misses) => sum + misses, 0),
    missesPerStep: slowest / Math.max(1, steps),
    byLayer,
  };
}
