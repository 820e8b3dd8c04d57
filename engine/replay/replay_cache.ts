import { heldCount, isHeld, type LayerPlacement, type Placement } from '../balancing/placement.ts';
import { DeviceRouting } from '../buffering/device_routing.ts';
import { type CacheCounters, ExpertCache, HIT } from '../buffering/expert_cache.ts';
import type { ActiveSet } from '../gating/policy.ts';
import type { EvictionName } from '../protocol/settings.ts';
import type { RoutingTrace } from '../trace/trace.ts';
import { DeviceActive } from './device_active.ts';

/** Cache settings in force from a step on. */
export interface CacheChange {
  readonly atStep: number;
  readonly slotsPerLayer: number;
  readonly eviction: EvictionName;
  readonly placement: Placement;
  /** What the gating in force asks caches for; absent where only routing is known: the experts that tokens chose. */
  readonly activeSet?: ActiveSet;
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

/** What happens to a cache, as it happens: one use, load or giving up of an expert. */
export type CacheWatch = (
  kind: 'hit' | 'load' | 'evict',
  place: { readonly step: number; readonly layer: number; readonly device: number },
  expert: number,
) => void;

/** Replays a trace through the same expert caches that the ranks run, with nothing behind them. */
export class CacheReplay {
  private caches: ExpertCache[][] = [];
  private active: DeviceActive | undefined;
  private placement: Placement | undefined;
  private activeSet: ActiveSet | undefined;

  /** @param watch told of every event, where given */
  constructor(
    private readonly moeLayers: number,
    private readonly experts: number,
    private readonly watch?: CacheWatch,
  ) {}

  /** Settings from the next step on. */
  apply({ placement, eviction, slotsPerLayer, atStep, activeSet = 'routed' }: CacheChange): void {
    if (this.caches.length === 0) {
      this.caches = Array.from({ length: placement.devices }, () =>
        deviceCaches(this.moeLayers, this.experts, 1, eviction),
      );
    }
    if (placement !== this.placement || activeSet !== this.activeSet) {
      this.active = new DeviceActive(placement, this.experts, activeSet);
    }
    this.placement = placement;
    this.activeSet = activeSet;
    for (const [device, layers] of this.caches.entries()) {
      for (const [layer, cache] of layers.entries()) {
        const stands = placement.layers[layer] as LayerPlacement;
        const givenUp = applyChange(cache, device, stands, slotsPerLayer, eviction);
        for (const expert of givenUp) this.watch?.('evict', { step: atStep, layer, device }, expert);
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
        const cache = layers[layer] as ExpertCache;
        const ids = active.ids[device] as Int32Array;
        const count = active.counts[device] as number;
        if (this.watch === undefined) serve(cache, ids, count);
        else serveWatched(cache, ids, count, { step, layer, device }, this.watch);
      }
    }
  }

  /** Whether a device holds an expert now. */
  isResident(device: number, layer: number, expert: number): boolean {
    return this.caches[device]?.[layer]?.isResident(expert) ?? false;
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

function serveWatched(
  cache: ExpertCache,
  active: Int32Array,
  count: number,
  place: Parameters<CacheWatch>[1],
  watch: CacheWatch,
): void {
  const order = cache.openStep(active, count);
  for (let i = 0; i < count; i++) {
    const expert = order[i] as number;
    const verdict = cache.access(expert);
    if (verdict >= 0) watch('evict', place, verdict);
    watch(verdict === HIT ? 'hit' : 'load', place, expert);
  }
}

/**
 * Replays a whole trace under a timeline. A change after the last step is left out: what it gives up is counted with the next
 * step, live as here.
 */
export function replayCaches(trace: RoutingTrace, timeline: CacheTimeline, watch?: CacheWatch): CacheReplay {
  const replay = new CacheReplay(trace.moeLayers, trace.experts, watch);
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
