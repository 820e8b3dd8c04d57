import type { Placement } from '../balancing/placement.ts';
import { DeviceRouting } from '../buffering/device_routing.ts';
import type { CacheScope, EvictionName, PrefetchName } from '../protocol/settings.ts';
import { foreseenOf, type RoutingTrace } from '../trace/trace.ts';
import type { ActiveSets } from './active_sets.ts';
import { DeviceCaches } from './device_caches.ts';
import { countScored, type MissCounts } from './miss_counts.ts';
import type { Pace } from './pace.ts';

export interface AheadQuestion {
  readonly eviction: EvictionName;
  readonly prefetch: PrefetchName;
  readonly scope: CacheScope;
  readonly placement: Placement;
  /** What routers foresaw, where prefetch goes by them. */
  readonly trace: RoutingTrace;
  /** Of the trace under the placement. */
  readonly sets: ActiveSets;
  /** 1 where a step counts [steps]. */
  readonly scored: Uint8Array;
  /** Per layer and device [m]. */
  readonly slots: readonly number[];
}

/**
 * A policy at m sizes where experts are also loaded ahead of need, as ranks do it. Exact at every size: what is foreseen comes from the
 * routing or the routers, and neither depends on what a cache holds; whether a guess pays is learnt at each size apart.
 * @returns misses, and per step the loads, those ahead included, of the device that had most
 */
export async function replayWithPrefetch(question: AheadQuestion, pace: Pace): Promise<MissCounts> {
  const { trace, sets, scored, slots, placement, ...settings } = question;
  const { moeLayers, devices, experts, offsets, ids } = sets;
  const routings = Array.from({ length: devices }, () => new DeviceRouting(moeLayers, experts));
  const bySize = slots.map((slotsPerLayer) =>
    routings.map((routing, device) => {
      const inForce = { ...settings, placement, slotsPerLayer };
      const caches = new DeviceCaches(device, moeLayers, experts, inForce, routing);
      // As live: no cache has more slots than its device holds experts.
      caches.apply(inForce);
      return caches;
    }),
  );
  const counts = bySize.map((caches) => new StepCounts(caches, moeLayers));
  const active = new Int32Array(experts);
  for (let step = 0; step < sets.steps; step++) {
    for (let layer = 0; layer < moeLayers; layer++) {
      const first = (step * moeLayers + layer) * devices;
      // A step that has no token for the layer does not pass there.
      if (offsets[first] === offsets[first + devices]) continue;
      const foreseen = foreseenOf(trace, step, layer);
      for (let device = 0; device < devices; device++) {
        const from = offsets[first + device] as number;
        const count = (offsets[first + device + 1] as number) - from;
        for (let i = 0; i < count; i++) active[i] = ids[from + i] as number;
        // All ask before any of them is told: they share what the device learns.
        for (const caches of bySize) (caches[device] as DeviceCaches).replayPrefetch(layer, foreseen);
        for (const caches of bySize) (caches[device] as DeviceCaches).replayEvent(layer, active, count);
      }
    }
    for (const size of counts) size.close(scored[step] === 1);
    await pace.rest();
  }
  const steps = Math.max(1, countScored(scored));
  return {
    misses: counts.map(({ byLayer }) => byLayer.reduce((sum, misses) => sum + misses, 0)),
    missesPerStep: counts.map(({ slowest }) => slowest / steps),
    byLayer: Array.from({ length: moeLayers }, (_, layer) => counts.map(({ byLayer }) => byLayer[layer] as number)),
  };
}

/** What the caches of one size do in the steps that count. */
class StepCounts {
  /** Misses, all devices together [moeLayers]. */
  readonly byLayer: Float64Array;
  /** Sum of each step's loads on the device that had most. */
  slowest = 0;
  private readonly misses: Float64Array;
  private readonly loads: Float64Array;

  constructor(
    private readonly caches: readonly DeviceCaches[],
    private readonly moeLayers: number,
  ) {
    this.byLayer = new Float64Array(moeLayers);
    this.misses = new Float64Array(moeLayers);
    this.loads = new Float64Array(caches.length);
  }

  /** Ends a step. */
  close(counts: boolean): void {
    const { caches, moeLayers, byLayer, misses, loads } = this;
    let most = 0;
    for (const [device, cache] of caches.entries()) {
      let sum = 0;
      for (let layer = 0; layer < moeLayers; layer++) sum += cache.countersOf(layer).loads;
      most = Math.max(most, sum - (loads[device] as number));
      loads[device] = sum;
    }
    for (let layer = 0; layer < moeLayers; layer++) {
      const sum = caches.reduce((all, cache) => all + cache.countersOf(layer).misses, 0);
      if (counts) byLayer[layer] = (byLayer[layer] as number) + sum - (misses[layer] as number);
      misses[layer] = sum;
    }
    if (counts) this.slowest += most;
  }
}
