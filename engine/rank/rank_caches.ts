import type { LayerPlacement } from '../balancing/placement.ts';
import { DeviceRouting } from '../buffering/device_routing.ts';
import { ExpertCache } from '../buffering/expert_cache.ts';
import type { CpuExperts } from '../device/cpu_experts.ts';
import type { MoeLayer } from '../families/spec.ts';
import { applyChange } from '../replay/replay_cache.ts';
import type { RankSettings } from './messages.ts';

/** Counters per layer: hits, misses, loads, evictions. */
const COUNTERS = 4;

/** The expert caches of one device, a cache a MoE layer, with the experts that they decide about. */
export class RankCaches {
  private readonly caches: ExpertCache[] = [];
  private readonly counted: Uint32Array;
  private readonly routing: DeviceRouting;

  constructor(
    private readonly rank: number,
    private readonly layers: readonly MoeLayer[],
    private readonly experts: CpuExperts,
  ) {
    this.counted = new Uint32Array(layers.length * COUNTERS);
    this.routing = new DeviceRouting(layers.length, layers[0]?.feedForward.experts ?? 0);
  }

  of(layer: number): ExpertCache {
    return this.caches[layer] as ExpertCache;
  }

  /** Puts settings in force; returns how many experts were given up for it. */
  async apply({ placement, slotsPerLayer, eviction }: RankSettings): Promise<number> {
    let evicted = 0;
    for (const { index, feedForward } of this.layers) {
      this.caches[index] ??= new ExpertCache(feedForward.experts, 1, eviction, {
        routing: this.routing,
        layer: index,
      });
      const layer = placement.layers[index] as LayerPlacement;
      const givenUp = applyChange(this.of(index), this.rank, layer, slotsPerLayer, eviction);
      for (const expert of givenUp) await this.experts.evict(index, expert);
      evicted += givenUp.length;
    }
    return evicted;
  }

  /** What was counted since the last call [layers, COUNTERS]. */
  takeCounters(): Uint32Array {
    const delta = new Uint32Array(this.counted.length);
    for (const [layer, { counters }] of this.caches.entries()) {
      const { hits, misses, loads, evictions } = counters;
      for (const [index, value] of [hits, misses, loads, evictions].entries()) {
        const at = layer * COUNTERS + index;
        delta[at] = value - (this.counted[at] as number);
        this.counted[at] = value;
      }
    }
    return delta;
  }

  async close(): Promise<void> {
    for (const [layer, cache] of this.caches.entries()) {
      for (const expert of cache.retain(() => false)) await this.experts.evict(layer, expert);
    }
  }
}
