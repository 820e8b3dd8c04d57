import { LOAD } from '../buffering/expert_cache.ts';
import type { AbsentExperts } from '../device/absent_experts.ts';
import type { ExpertStore } from '../device/device.ts';
import type { MoeLayer } from '../families/spec.ts';
import { type CacheSettings, DeviceCaches } from '../replay/device_caches.ts';

/** Counters per layer: hits, misses, loads, evictions; and of loads ahead: loads, used, harmed. */
const COUNTERS = 4;
const PREFETCH_COUNTERS = 3;

/** The expert caches of one device with the experts that they decide about. */
export class RankCaches {
  private caches: DeviceCaches | undefined;
  private readonly counted: Uint32Array;
  private readonly prefetchCounted: Uint32Array;

  constructor(
    private readonly rank: number,
    private readonly layers: readonly MoeLayer[],
    private readonly experts: ExpertStore,
    private readonly absent: AbsentExperts,
  ) {
    this.counted = new Uint32Array(layers.length * COUNTERS);
    this.prefetchCounted = new Uint32Array(layers.length * PREFETCH_COUNTERS);
  }

  /** Puts settings in force; returns how many experts were given up for it. */
  async apply(settings: CacheSettings): Promise<number> {
    const experts = this.layers[0]?.feedForward.experts ?? 0;
    this.caches ??= new DeviceCaches(this.rank, this.layers.length, experts, { ...settings, slotsPerLayer: 1 });
    let evicted = 0;
    for (const { layer, expert } of this.caches.apply(settings)) {
      await this.experts.evict(layer, expert);
      evicted++;
    }
    return evicted;
  }

  /** @returns how many experts are to be loaded with `prefetch` before the layer's event */
  planPrefetch(layer: number, foreseen?: Uint8Array): number {
    return this.inForce.planPrefetch(layer, foreseen);
  }

  /** Loads the expert of that number in the plan. */
  async prefetch(layer: number, number: number): Promise<void> {
    const { inForce } = this;
    const expert = inForce.wanted[number] as number;
    await this.load(layer, expert, inForce.prefetch(layer, expert));
  }

  /** Opens a layer's event. @returns the order to serve its experts in */
  open(layer: number, active: Int32Array, count: number): Int32Array {
    return this.inForce.open(layer, active, count);
  }

  /** Whether misses may be computed on the host. */
  get computesMisses(): boolean {
    return this.inForce.computesMisses;
  }

  /** Whether `access` will say COMPUTE of an expert of the open event. */
  computes(layer: number, expert: number, rows: number): boolean {
    return this.inForce.computes(layer, expert, rows);
  }

  /** @returns HIT, COMPUTE, LOAD, or what to give up before the load */
  access(layer: number, expert: number, rows: number): number {
    return this.inForce.access(layer, expert, rows);
  }

  /** @param verdict LOAD or what to give up for it */
  async load(layer: number, expert: number, verdict: number): Promise<void> {
    const { inForce } = this;
    if (verdict !== LOAD) await this.experts.evict(inForce.victimLayer(layer, verdict), inForce.victimExpert(verdict));
    await this.experts.load(layer, expert);
    await this.absent.release(layer, expert);
  }

  /** What was counted since the last call [layers, COUNTERS]. */
  takeCounters(): Uint32Array {
    const { inForce } = this;
    const counters = this.layers.flatMap((_, layer) => {
      const { hits, misses, loads, evictions } = inForce.countersOf(layer);
      return [hits, misses, loads, evictions];
    });
    return since(this.counted, counters);
  }

  /** Of the loads, those ahead of need since the last call [layers, PREFETCH_COUNTERS]; undefined where there were none. */
  takePrefetches(): Uint32Array | undefined {
    const { inForce } = this;
    const counters = this.layers.flatMap((_, layer) => {
      const { loads, used, harmed } = inForce.prefetchesOf(layer);
      return [loads, used, harmed];
    });
    const delta = since(this.prefetchCounted, counters);
    return delta.some((value) => value > 0) ? delta : undefined;
  }

  async close(): Promise<void> {
    await this.absent.close();
    for (const { layer, expert } of this.caches?.retain(() => false) ?? []) await this.experts.evict(layer, expert);
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
