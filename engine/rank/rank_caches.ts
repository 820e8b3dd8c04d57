import { LOAD } from '../buffering/expert_cache.ts';
import type { CpuExperts } from '../device/cpu_experts.ts';
import type { MoeLayer } from '../families/spec.ts';
import { type CacheSettings, DeviceCaches } from '../replay/device_caches.ts';

/** Counters per layer: hits, misses, loads, evictions; and of loads ahead: loads, used, harmed. */
const COUNTERS = 4;
const PREFETCH_COUNTERS = 3;

/** The expert caches of one device, a cache a MoE layer, with the experts that they decide about. */
export class RankCaches {
  private caches: DeviceCaches | undefined;
  private readonly counted: Uint32Array;
  private readonly prefetchCounted: Uint32Array;

  constructor(
    private readonly rank: number,
    private readonly layers: readonly MoeLayer[],
    private readonly experts: CpuExperts,
  ) {
    this.counted = new Uint32Array(layers.length * COUNTERS);
    this.prefetchCounted = new Uint32Array(layers.length * PREFETCH_COUNTERS);
  }

  /** Puts settings in force; returns how many experts were given up for it. */
  async apply(settings: CacheSettings): Promise<number> {
    const experts = this.layers[0]?.feedForward.experts ?? 0;
    this.caches ??= new DeviceCaches(this.rank, this.layers.length, experts, { ...settings, slotsPerLayer: 1 });
    let evicted = 0;
    for (const [layer, givenUp] of this.caches.apply(settings).entries()) {
      for (const expert of givenUp) await this.experts.evict(layer, expert);
      evicted += givenUp.length;
    }
    return evicted;
  }

  /** @returns how many experts are to be loaded with `prefetch` before the layer's event */
  planPrefetch(layer: number): number {
    return this.inForce.planPrefetch(layer);
  }

  /** Loads the expert of that number in the plan. */
  async prefetch(layer: number, number: number): Promise<void> {
    const { inForce } = this;
    const expert = inForce.wanted[number] as number;
    await this.load(layer, expert, (inForce.layers[layer] as (typeof inForce.layers)[number]).prefetch(expert));
  }

  /** Opens a layer's event. @returns the order to serve its experts in */
  open(layer: number, active: Int32Array, count: number): Int32Array {
    return this.inForce.open(layer, active, count);
  }

  /** @returns HIT, LOAD, or the expert to give up before the load */
  access(layer: number, expert: number): number {
    return (this.inForce.layers[layer] as (typeof this.inForce.layers)[number]).access(expert);
  }

  /** @param verdict LOAD or the expert to give up for it */
  async load(layer: number, expert: number, verdict: number): Promise<void> {
    if (verdict !== LOAD) await this.experts.evict(layer, verdict);
    await this.experts.load(layer, expert);
  }

  /** What was counted since the last call [layers, COUNTERS]. */
  takeCounters(): Uint32Array {
    const counters = this.inForce.layers.flatMap(({ counters: { hits, misses, loads, evictions } }) => [
      hits,
      misses,
      loads,
      evictions,
    ]);
    return since(this.counted, counters);
  }

  /** Of the loads, those ahead of need since the last call [layers, PREFETCH_COUNTERS]; undefined where there were none. */
  takePrefetches(): Uint32Array | undefined {
    const counters = this.inForce.layers.flatMap(({ prefetches: { loads, used, harmed } }) => [loads, used, harmed]);
    const delta = since(this.prefetchCounted, counters);
    return delta.some((value) => value > 0) ? delta : undefined;
  }

  async close(): Promise<void> {
    for (const [layer, cache] of (this.caches?.layers ?? []).entries()) {
      for (const expert of cache.retain(() => false)) await this.experts.evict(layer, expert);
    }
  }

  private get inForce(): DeviceCaches {
    if (this.caches === undefined) throw new Error('settings must be applied before the first step');
    return this.caches;
  }
}

/** Differences to what was counted before, which becomes what is counted now. */
function since(counted: Uint32Array, counters: readonly number[]): Uint32Array {
  const delta = Uint32Array.from(counters, (value, at) => value - (counted[at] as number));
  counted.set(counters);
  return delta;
}
