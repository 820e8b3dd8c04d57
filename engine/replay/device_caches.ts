import { heldCount, isHeld, type LayerPlacement, type Placement } from '../balancing/placement.ts';
import { DeviceRouting } from '../buffering/device_routing.ts';
import { type CacheCounters, ExpertCache, type PrefetchCounters } from '../buffering/expert_cache.ts';
import { EchoForesight, RouterForesight } from '../buffering/foresight.ts';
import { Prefetcher } from '../buffering/prefetcher.ts';
import type { CacheScope, EvictionName, PrefetchName } from '../protocol/settings.ts';

/** What caches are told to do. */
export interface CacheSettings {
  readonly slotsPerLayer: number;
  readonly eviction: EvictionName;
  readonly placement: Placement;
  /** Absent: off. */
  readonly prefetch?: PrefetchName;
  /** Absent: a cache a layer. */
  readonly scope?: CacheScope;
  /** Rows of an absent expert that the host may compute before it is loaded, by device, see ExpertCache; absent: it is loaded at once. */
  readonly copyAfterRows?: readonly number[];
}

/** An expert of a layer. */
export interface LayerExpert {
  readonly layer: number;
  readonly expert: number;
}

/** Told of an expert that was served or loaded ahead, with the verdict, see DeviceCaches.access, and the rows that it has, where known. */
export type Served = (expert: number, verdict: number, rows: number) => void;

/**
 * What decides about the experts of one device, a cache a layer or one pool for all layers, and what loads ahead for it. It decides
 * and does nothing: a rank does what it says, a replay drives it with nothing behind. In each layer of a step that has rows for it,
 * on any device: `planPrefetch`, `prefetch` for each expert wanted, then `open` and `access`.
 *
 * A pool has as many slots as the caches of all layers would have, and its ids say which layer an expert is of: where it takes a slot
 * from another layer, that layer gives the expert up. Experts of all layers must be of one size (coordinator/memory_plan.ts).
 */
export class DeviceCaches {
  private caches: readonly ExpertCache[];
  private scope: CacheScope;
  private prefetching: PrefetchName = 'off';
  private prefetcher: Prefetcher | undefined;
  /** Whether the device may hold an expert, by layer. */
  private held: readonly ((expert: number) => boolean)[] = [];

  /** @param routing given where the caches of several sizes see the same events one after the other */
  constructor(
    private readonly device: number,
    private readonly moeLayers: number,
    private readonly experts: number,
    settings: CacheSettings,
    private readonly routing = new DeviceRouting(moeLayers, experts),
  ) {
    const { slotsPerLayer, eviction, placement, prefetch, scope = 'layer' } = settings;
    this.scope = scope;
    this.caches = this.create(scope, slotsPerLayer, eviction);
    this.setPrefetch(placement, prefetch);
    this.setCopyAfterRows(settings);
  }

  /** Puts settings in force. @returns the experts given up for it, in order */
  apply(settings: CacheSettings): LayerExpert[] {
    const { slotsPerLayer, eviction, placement, prefetch, scope = 'layer' } = settings;
    this.setPrefetch(placement, prefetch);
    const moved = this.retain((expert, layer) => this.held[layer]?.(expert) === true);
    if (scope !== this.scope) this.regroup(scope, eviction);
    this.setCopyAfterRows(settings);
    const pooled = this.scope === 'device';
    const changed = this.caches.map((cache, at) => {
      const layers = pooled ? placement.layers : [placement.layers[at] as LayerPlacement];
      return this.named(applyChange(cache, this.device, layers, slotsPerLayer, eviction), at);
    });
    return [...moved, ...changed.flat()];
  }

  /**
   * @param foreseen of the layer's routers, where they were asked [experts], see buffering/foresight.ts
   * @returns how many of `wanted` are to be loaded before the layer's event
   */
  planPrefetch(layer: number, foreseen?: Uint8Array | undefined): number {
    const held = this.held[layer] as () => boolean;
    return this.prefetcher?.plan(layer, this.cacheOf(layer), held, this.placeOf(layer), foreseen) ?? 0;
  }

  /** Best first; of the last plan. */
  get wanted(): Int32Array {
    return (this.prefetcher as Prefetcher).wanted;
  }

  /** Loads an expert of the last plan ahead. @returns as `access`, but for HIT */
  prefetch(layer: number, expert: number): number {
    return this.cacheOf(layer).prefetch(expert);
  }

  /** @returns the order to serve the event's experts in, see ExpertCache.openStep */
  open(layer: number, active: Int32Array, count: number): Int32Array {
    this.prefetcher?.observe(layer, active, count);
    return this.cacheOf(layer).openStep(active, count, this.placeOf(layer));
  }

  /** Whether misses may be computed on the host. */
  get computesMisses(): boolean {
    return (this.caches[0] as ExpertCache).copyAfterRows > 0;
  }

  /** Whether `access` will say COMPUTE of an expert of the open event. */
  computes(layer: number, expert: number, rows: number): boolean {
    return this.cacheOf(layer).computes(expert, rows);
  }

  /**
   * Serves an expert of the open event.
   * @param rows that it runs on this device, without the padding of blocks
   * @returns HIT, COMPUTE, LOAD, or what to give up before the load, see `victimLayer` and `victimExpert`
   */
  access(layer: number, expert: number, rows: number): number {
    return this.cacheOf(layer).access(expert, rows);
  }

  /** The layer of what a load in `layer` pushed out, by the verdict. */
  victimLayer(layer: number, verdict: number): number {
    return this.scope === 'device' ? Math.floor(verdict / this.experts) : layer;
  }

  /** What a load pushed out, by the verdict. */
  victimExpert(verdict: number): number {
    return verdict % this.experts;
  }

  /** What a replay does ahead of an event. */
  replayPrefetch(layer: number, foreseen?: Uint8Array | undefined, then?: Served): void {
    const count = this.planPrefetch(layer, foreseen);
    for (let i = 0; i < count; i++) {
      const expert = this.wanted[i] as number;
      const verdict = this.prefetch(layer, expert);
      then?.(expert, verdict, 0);
    }
  }

  /**
   * What a replay does in an event.
   * @param rows of each active expert, in the same places; needed where misses may be computed
   */
  replayEvent(layer: number, active: Int32Array, count: number, rows?: Int32Array, then?: Served): void {
    if (then === undefined) {
      this.prefetcher?.observe(layer, active, count);
      this.cacheOf(layer).serve(active, 0, count, this.placeOf(layer), rows);
      return;
    }
    const order = this.open(layer, active, count);
    for (let i = 0; i < count; i++) {
      const expert = order[i] as number;
      const own = this.computesMisses && rows ? rowsOf(expert, active, rows) : 0;
      then(expert, this.access(layer, expert, own), own);
    }
  }

  countersOf(layer: number): CacheCounters {
    return this.cacheOf(layer).countersOf(this.placeOf(layer));
  }

  prefetchesOf(layer: number): PrefetchCounters {
    return this.cacheOf(layer).prefetchesOf(this.placeOf(layer));
  }

  isResident(layer: number, expert: number): boolean {
    return this.cacheOf(layer).isResident(expert, this.placeOf(layer));
  }

  /** Of all layers. */
  get residentCount(): number {
    return this.caches.reduce((sum, cache) => sum + cache.residentCount, 0);
  }

  /** Gives up every resident that is not to be kept. */
  retain(keep: (expert: number, layer: number) => boolean): LayerExpert[] {
    return this.caches.flatMap((cache, at) =>
      this.named(
        cache.retain((expert, place) => keep(expert, at + place)),
        at,
      ),
    );
  }

  /** A pool for caches or caches for a pool: each takes over what it has to do with. */
  private regroup(scope: CacheScope, eviction: EvictionName): void {
    const before = Array.from({ length: this.moeLayers }, (_, layer) => ({
      cache: this.cacheOf(layer),
      layer: this.placeOf(layer),
    }));
    // As many slots as it takes: what is in force comes next.
    this.caches = this.create(scope, this.residentCount, eviction);
    this.scope = scope;
    if (scope === 'device') this.caches[0]?.takeOver(before);
    else for (const [layer, cache] of this.caches.entries()) cache.takeOver(before.slice(layer, layer + 1));
  }

  private create(scope: CacheScope, slots: number, eviction: EvictionName): ExpertCache[] {
    const { routing, experts, moeLayers } = this;
    if (scope === 'device') {
      return [new ExpertCache(experts, slots * moeLayers, eviction, { routing, layer: 0, layers: moeLayers })];
    }
    return Array.from(
      { length: moeLayers },
      (_, layer) => new ExpertCache(experts, slots, eviction, { routing, layer }),
    );
  }

  private cacheOf(layer: number): ExpertCache {
    return this.caches[this.scope === 'device' ? 0 : layer] as ExpertCache;
  }

  private placeOf(layer: number): number {
    return this.scope === 'device' ? layer : 0;
  }

  /** @param at number of the cache */
  private named(ids: readonly number[], at: number): LayerExpert[] {
    const { experts } = this;
    return ids.map((id) => ({ layer: at + Math.floor(id / experts), expert: id % experts }));
  }

  private setCopyAfterRows({ copyAfterRows }: CacheSettings): void {
    for (const cache of this.caches) cache.copyAfterRows = copyAfterRows?.[this.device] ?? 0;
  }

  private setPrefetch(placement: Placement, prefetch: PrefetchName = 'off'): void {
    const { device, moeLayers, experts, routing } = this;
    this.held = placement.layers.map((layer) => (expert) => isHeld(layer, expert, device));
    if (prefetch === this.prefetching) return;
    this.prefetching = prefetch;
    if (prefetch === 'off') this.prefetcher = undefined;
    else {
      const foresight = prefetch === 'echo' ? new EchoForesight(routing, moeLayers) : new RouterForesight(experts);
      this.prefetcher = new Prefetcher(foresight, moeLayers, experts);
    }
  }
}

function rowsOf(expert: number, active: Int32Array, rows: Int32Array): number {
  return rows[active.indexOf(expert)] as number;
}

/**
 * Puts settings in force on one device's cache of some layers: first what the device still holds, then the policy, then the size.
 * Live ranks and replay both come here: the order in which experts are given up is part of what must agree.
 * @param layers placement of each of the cache's layers
 * @returns the ids given up, in order
 */
export function applyChange(
  cache: ExpertCache,
  device: number,
  layers: readonly LayerPlacement[],
  slotsPerLayer: number,
  eviction: EvictionName,
): number[] {
  const moved = cache.retain((expert, layer) => isHeld(layers[layer] as LayerPlacement, expert, device));
  cache.setEviction(eviction);
  return [
    ...moved,
    ...cache.resize(
      slotsOf(
        layers.map((layer) => heldCount(layer, device)),
        slotsPerLayer,
      ),
    ),
  ];
}

/**
 * Slots of a cache: of no layer more than the device holds of it, nor less than one.
 * @param held experts that the device holds of each of its layers
 */
export function slotsOf(held: readonly number[], slotsPerLayer: number): number {
  return held.reduce((sum, count) => sum + Math.max(1, Math.min(slotsPerLayer, count)), 0);
}
