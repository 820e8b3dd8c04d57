import type { CacheCounters, PrefetchCounters } from '../buffering/expert_cache.ts';
import type { DeviceCaches } from './device_caches.ts';

interface Retired {
  readonly cache: CacheCounters;
  readonly prefetch: PrefetchCounters;
}

const NONE: Retired = {
  cache: { hits: 0, misses: 0, loads: 0, evictions: 0 },
  prefetch: { loads: 0, used: 0, harmed: 0 },
};

/** What caches had counted before they were opened anew, up to the last whole step. */
export class RetiredCounters {
  private sums: Retired[][] = [];
  /** Experts given up since the last step: counted with the next one, if these caches see it [device][layer]. */
  private givenUp: number[][] = [];

  constructor(private readonly moeLayers: number) {}

  /** An expert was given up for changed settings. */
  gaveUp(device: number, layer: number): void {
    this.givenUp[device] ??= new Array<number>(this.moeLayers).fill(0);
    const row = this.givenUp[device] as number[];
    row[layer] = (row[layer] as number) + 1;
  }

  /** A step follows, with which what was given up counts. */
  settle(): void {
    if (this.givenUp.length > 0) this.givenUp = [];
  }

  retire(devices: readonly DeviceCaches[]): void {
    this.sums = devices.map((caches, device) =>
      Array.from({ length: this.moeLayers }, (_, layer) => {
        const { evictions, ...counted } = this.cache(device, layer, caches);
        const unseen = this.givenUp[device]?.[layer] ?? 0;
        return {
          cache: { ...counted, evictions: evictions - unseen },
          prefetch: this.prefetch(device, layer, caches),
        };
      }),
    );
    this.givenUp = [];
  }

  /** A layer's counters in all: before it was opened anew, and of the caches there are now. */
  cache(device: number, layer: number, now: DeviceCaches): CacheCounters {
    const { cache } = this.sums[device]?.[layer] ?? NONE;
    const { hits, misses, loads, evictions } = now.countersOf(layer);
    return {
      hits: cache.hits + hits,
      misses: cache.misses + misses,
      loads: cache.loads + loads,
      evictions: cache.evictions + evictions,
    };
  }

  prefetch(device: number, layer: number, now: DeviceCaches): PrefetchCounters {
    const { prefetch } = this.sums[device]?.[layer] ?? NONE;
    const { loads, used, harmed } = now.prefetchesOf(layer);
    return { loads: prefetch.loads + loads, used: prefetch.used + used, harmed: prefetch.harmed + harmed };
  }
}
