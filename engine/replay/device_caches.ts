import { heldCount, isHeld, type LayerPlacement, type Placement } from '../balancing/placement.ts';
import { DeviceRouting } from '../buffering/device_routing.ts';
import { ExpertCache } from '../buffering/expert_cache.ts';
import { Prefetcher } from '../buffering/prefetcher.ts';
import type { EvictionName, PrefetchName } from '../protocol/settings.ts';

/** What caches are told to do. */
export interface CacheSettings {
  readonly slotsPerLayer: number;
  readonly eviction: EvictionName;
  readonly placement: Placement;
  /** Absent: off. */
  readonly prefetch?: PrefetchName;
}

/** Told of an expert that was served or loaded ahead, with the cache's verdict. */
export type Served = (expert: number, verdict: number) => void;

/**
 * The expert caches of one device, a cache a layer, and what loads ahead for them. It decides and does nothing: a rank does what it
 * says, a replay drives it with nothing behind. In each layer of a step that has rows for it, on any device: `planPrefetch`, the
 * cache's `prefetch` for each expert wanted, then `open` and the cache's `access`.
 */
export class DeviceCaches {
  readonly layers: readonly ExpertCache[];
  private prefetcher: Prefetcher | undefined;
  /** Whether the device may hold an expert, by layer. */
  private held: readonly ((expert: number) => boolean)[] = [];

  /** @param routing given where the caches of several sizes see the same events one after the other */
  constructor(
    private readonly device: number,
    private readonly moeLayers: number,
    private readonly experts: number,
    { slotsPerLayer, eviction, placement, prefetch }: CacheSettings,
    private readonly routing = new DeviceRouting(moeLayers, experts),
  ) {
    this.layers = Array.from(
      { length: moeLayers },
      (_, layer) => new ExpertCache(experts, slotsPerLayer, eviction, { routing, layer }),
    );
    this.setPrefetch(placement, prefetch);
  }

  /** Puts settings in force. @returns the experts given up for it, in order, by layer */
  apply({ slotsPerLayer, eviction, placement, prefetch }: CacheSettings): number[][] {
    this.setPrefetch(placement, prefetch);
    return this.layers.map((cache, layer) =>
      applyChange(cache, this.device, placement.layers[layer] as LayerPlacement, slotsPerLayer, eviction),
    );
  }

  /** @returns how many of `wanted` are to be loaded before the layer's event */
  planPrefetch(layer: number): number {
    return this.prefetcher?.plan(layer, this.layers[layer] as ExpertCache, this.held[layer] as () => boolean) ?? 0;
  }

  /** Best first; of the last plan. */
  get wanted(): Int32Array {
    return (this.prefetcher as Prefetcher).wanted;
  }

  /** @returns the order to serve the event's experts in, see ExpertCache.openStep */
  open(layer: number, active: Int32Array, count: number): Int32Array {
    this.prefetcher?.observe(layer, active, count);
    return (this.layers[layer] as ExpertCache).openStep(active, count);
  }

  /** What a replay does ahead of an event. */
  prefetch(layer: number, then?: Served): void {
    const cache = this.layers[layer] as ExpertCache;
    const count = this.planPrefetch(layer);
    for (let i = 0; i < count; i++) {
      const expert = this.wanted[i] as number;
      const verdict = cache.prefetch(expert);
      then?.(expert, verdict);
    }
  }

  /** What a replay does in an event. */
  serve(layer: number, active: Int32Array, count: number, then?: Served): void {
    const cache = this.layers[layer] as ExpertCache;
    const order = this.open(layer, active, count);
    for (let i = 0; i < count; i++) {
      const expert = order[i] as number;
      const verdict = cache.access(expert);
      then?.(expert, verdict);
    }
  }

  private setPrefetch(placement: Placement, prefetch: PrefetchName = 'off'): void {
    const { device, moeLayers, experts, routing } = this;
    this.held = placement.layers.map((layer) => (expert) => isHeld(layer, expert, device));
    if (prefetch === 'off') this.prefetcher = undefined;
    else this.prefetcher ??= new Prefetcher(routing, moeLayers, experts);
  }
}

/**
 * Puts settings in force on one device's cache of one layer: first what the device still holds, then the policy, then the size.
 * Live ranks and replay both come here: the order in which experts are given up is part of what must agree.
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
