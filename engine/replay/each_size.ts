import { DeviceRouting } from '../buffering/device_routing.ts';
import { ExpertCache } from '../buffering/expert_cache.ts';
import type { EvictionName } from '../protocol/settings.ts';
import type { ActiveSets } from './active_sets.ts';
import { countScored, type MissCounts, stepSlices } from './miss_counts.ts';
import type { Pace } from './pace.ts';
import { serve } from './replay_cache.ts';

/** One layer's cache on one device. */
export interface StepCache {
  /** @param active the step's experts, ascending, in the first `count` places @returns its misses */
  serve(active: Int32Array, count: number): number;
}

/** Slots per device by layer, at m sizes [m][moeLayers]. */
export type SlotsBySize = readonly ArrayLike<number>[];

/** Caches at m sizes [moeLayers * devices][m]. */
export type CachesBySize = readonly (readonly StepCache[])[];

/**
 * The expert caches that ranks run, with nothing behind them. What a device learns of its routing does not depend on the size, so
 * all sizes share it.
 */
export function expertCaches(eviction: EvictionName, sets: ActiveSets, slots: SlotsBySize): CachesBySize {
  const { moeLayers, devices, experts } = sets;
  const routings = Array.from({ length: devices }, () => new DeviceRouting(moeLayers, experts));
  return cachesOf(sets, slots, (size, layer, device) => {
    const cache = new ExpertCache(experts, size, eviction, { routing: routings[device] as DeviceRouting, layer });
    return { serve: (active, count) => serve(cache, active, count) };
  });
}

/** No cache is larger than what its device holds of the layer, nor smaller than one slot. */
export function cachesOf(
  { moeLayers, devices, held }: ActiveSets,
  slots: SlotsBySize,
  create: (size: number, layer: number, device: number) => StepCache,
): CachesBySize {
  return Array.from({ length: moeLayers * devices }, (_, at) => {
    const layer = Math.floor(at / devices);
    return slots.map((byLayer) =>
      create(Math.max(1, Math.min(byLayer[layer] as number, held[at] as number)), layer, at % devices),
    );
  });
}

/**
 * Any policy at m sizes together, over sets that were scanned before.
 * @param scored 1 where a step counts [steps]
 */
export async function replayEachSize(
  caches: CachesBySize,
  sets: ActiveSets,
  scored: Uint8Array,
  pace: Pace,
): Promise<MissCounts> {
  const { moeLayers, devices, experts, ids, offsets } = sets;
  const sizes = caches[0]?.length ?? 0;
  const active = new Int32Array(experts);
  /** [moeLayers, m], [devices, m], [m] */
  const byLayer = new Float64Array(moeLayers * sizes);
  const ofDevice = new Float64Array(devices * sizes);
  const slowest = new Float64Array(sizes);
  for (const [fromStep, toStep] of stepSlices(sets).list) {
    for (let step = fromStep; step < toStep; step++) {
      const counts = scored[step] === 1;
      ofDevice.fill(0);
      for (let layer = 0; layer < moeLayers; layer++) {
        const first = (step * moeLayers + layer) * devices;
        // A step that has no token for the layer does not pass there.
        if (offsets[first] === offsets[first + devices]) continue;
        for (let device = 0; device < devices; device++) {
          const from = offsets[first + device] as number;
          const count = (offsets[first + device + 1] as number) - from;
          for (let i = 0; i < count; i++) active[i] = ids[from + i] as number;
          const ofSizes = caches[layer * devices + device] as readonly StepCache[];
          for (let size = 0; size < sizes; size++) {
            const misses = (ofSizes[size] as StepCache).serve(active, count);
            if (!counts || misses === 0) continue;
            add(byLayer, layer * sizes + size, misses);
            add(ofDevice, device * sizes + size, misses);
          }
        }
      }
      if (counts) for (let size = 0; size < sizes; size++) add(slowest, size, most(ofDevice, size, sizes));
    }
    await pace.rest();
  }
  const rows = Array.from({ length: moeLayers }, (_, layer) => [
    ...byLayer.subarray(layer * sizes, (layer + 1) * sizes),
  ]);
  const steps = Math.max(1, countScored(scored));
  return {
    misses: Array.from({ length: sizes }, (_, size) => rows.reduce((sum, row) => sum + (row[size] as number), 0)),
    missesPerStep: Array.from(slowest, (sum) => sum / steps),
    byLayer: rows,
  };
}

function add(sums: Float64Array, at: number, value: number): void {
  sums[at] = (sums[at] as number) + value;
}

function most(ofDevice: Float64Array, size: number, sizes: number): number {
  let most = 0;
  for (let at = size; at < ofDevice.length; at += sizes) most = Math.max(most, ofDevice[at] as number);
  return most;
}
