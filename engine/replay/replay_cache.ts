import { heldCount, isHeld, type LayerPlacement, type Placement } from '../balancing/placement.ts';
import { DeviceRouting } from '../buffering/device_routing.ts';
import { type CacheCounters, ExpertCache } from '../buffering/expert_cache.ts';
import type { EvictionName } from '../protocol/settings.ts';
import type { RoutingTrace } from '../trace/trace.ts';
import { DeviceActive } from './device_active.ts';

/** Cache settings in force from a step on. */
export interface CacheChange {
  readonly atStep: number;
  readonly slotsPerLayer: number;
  readonly eviction: EvictionName;
  readonly placement: Placement;
}

/** Settings over a run, as recorded, by rising step; the first at step 0. */
export interface CacheTimeline {
  readonly changes: readonly CacheChange[];
}

/**
 * Puts settings in force on one device's cache of one layer: first what the device still holds, then the policy, then the size.
 * Live ranks and replay both call this: the order in which experts are given up is part of what must agree.
 * @returns the experts given up, in order
 */
export function applyChange(
  cache: ExpertCache,
  device: number,
  layer: LayerPlacement,
  slotsPerLayer: number,
  eviction: EvictionName,
): number[] {
  const moved = cache.retain((expert) => isHeld(layer, expert, device));
  cache.setEviction(eviction);
  return [...moved, ...cache.resize(Math.max(1, Math.min(slotsPerLayer, heldCount(layer, device))))];
}

/**
 * The caches of one device, a cache a layer.
 * @param routing given where several devices' worth of caches see the same events one after the other: sizes of one curve
 */
export function deviceCaches(
  moeLayers: number,
  experts: number,
  slots: number,
  eviction: EvictionName,
  routing = new DeviceRouting(moeLayers, experts),
): ExpertCache[] {
  return Array.from({ length: moeLayers }, (_, layer) => new ExpertCache(experts, slots, eviction, { routing, layer }));
}

/** Replays a trace through the same expert caches that the ranks run, with nothing behind them. */
export class CacheReplay {
  private caches: ExpertCache[][] = [];
  private active: DeviceActive | undefined;
  private placement: Placement | undefined;

  constructor(
    private readonly moeLayers: number,
    private readonly experts: number,
  ) {}

  /** Settings from the next step on. */
  apply({ placement, eviction, slotsPerLayer }: CacheChange): void {
    if (this.caches.length === 0) {
      this.caches = Array.from({ length: placement.devices }, () =>
        deviceCaches(this.moeLayers, this.experts, 1, eviction),
      );
    }
    if (placement !== this.placement) this.active = new DeviceActive(placement, this.experts);
    this.placement = placement;
    for (const [device, layers] of this.caches.entries()) {
      for (const [layer, cache] of layers.entries()) {
        applyChange(cache, device, placement.layers[layer] as LayerPlacement, slotsPerLayer, eviction);
      }
    }
  }

  step(trace: RoutingTrace, step: number): void {
    const { active } = this;
    if (active === undefined) throw new Error('settings must be applied before the first step');
    for (let layer = 0; layer < this.moeLayers; layer++) {
      // A step that has no token for the layer does not pass there.
      if (active.scan(trace, step, layer) === 0) continue;
      for (const [device, layers] of this.caches.entries()) {
        serve(layers[layer] as ExpertCache, active.ids[device] as Int32Array, active.counts[device] as number);
      }
    }
  }

  /** Counters of one cache. */
  counters(device: number, layer: number): CacheCounters {
    const cache = this.caches[device]?.[layer];
    if (cache === undefined) throw new RangeError(`no cache of layer ${layer} on device ${device}`);
    return cache.counters;
  }

  /** Experts resident on a device, all layers. */
  residents(device: number): number {
    return (this.caches[device] ?? []).reduce((sum, cache) => sum + cache.residentCount, 0);
  }

  /** All devices and layers together. */
  get totals(): CacheCounters {
    const sum: CacheCounters = { hits: 0, misses: 0, loads: 0, evictions: 0 };
    for (const layers of this.caches) {
      for (const { counters } of layers) {
        sum.hits += counters.hits;
        sum.misses += counters.misses;
        sum.loads += counters.loads;
        sum.evictions += counters.evictions;
      }
    }
    return sum;
  }
}

/** One event: a layer of a step on one device. @returns its misses */
export function serve(cache: ExpertCache, active: Int32Array, count: number): number {
  const before = cache.counters.misses;
  const order = cache.openStep(active, count);
  for (let i = 0; i < count; i++) cache.access(order[i] as number);
  return cache.counters.misses - before;
}

/**
 * Replays a whole trace under a timeline. A change after the last step is left out: what it gives up is counted with the next
 * step, live as here.
 */
export function replayCaches(trace: RoutingTrace, timeline: CacheTimeline): CacheReplay {
  const replay = new CacheReplay(trace.moeLayers, trace.experts);
  let next = 0;
  for (let step = 0; step < trace.steps; step++) {
    for (
      let change = timeline.changes[next];
      change !== undefined && change.atStep <= step;
      change = timeline.changes[++next]
    ) {
      replay.apply(change);
    }
    replay.step(trace, step);
  }
  return replay;
}
