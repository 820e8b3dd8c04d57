import type { Placement } from '../balancing/placement.ts';
import { type CacheCounters, COMPUTE, HIT, type PrefetchCounters } from '../buffering/expert_cache.ts';
import type { ActiveSet } from '../gating/policy.ts';
import { foreseenOf, type RoutingTrace } from '../trace/trace.ts';
import { DeviceActive } from './device_active.ts';
import { type CacheSettings, DeviceCaches } from './device_caches.ts';
import { RetiredCounters } from './retired_counters.ts';

/** Cache settings in force from a step on. */
export interface CacheChange extends CacheSettings {
  readonly atStep: number;
  /** What the gating in force asks caches for; absent where only routing is known: the experts that tokens chose. */
  readonly activeSet?: ActiveSet;
  /**
   * The caches begin empty: the ranks were opened anew, as after the loss of a device. What they did since the last whole step, which is
   * nowhere recorded, did not happen.
   */
  readonly cold?: boolean;
}

/** Settings over a run, as recorded, by rising step; the first at step 0. */
export interface CacheTimeline {
  readonly changes: readonly CacheChange[];
}

/**
 * What happens to a cache, as it happens: one use, load, use without a load or giving up of an expert.
 * @param rows that the host computed, with `compute`
 */
export type CacheWatch = (
  kind: 'hit' | 'load' | 'compute' | 'evict',
  place: { readonly step: number; readonly layer: number; readonly device: number },
  expert: number,
  rows: number,
) => void;

/** Replays a trace through the same expert caches that the ranks run, with nothing behind them. */
export class CacheReplay {
  private devices: DeviceCaches[] = [];
  private active: DeviceActive | undefined;
  private placement: Placement | undefined;
  private activeSet: ActiveSet | undefined;
  private readonly retired: RetiredCounters;

  /** @param watch told of every event, where given */
  constructor(
    private readonly moeLayers: number,
    private readonly experts: number,
    private readonly watch?: CacheWatch,
  ) {
    this.retired = new RetiredCounters(moeLayers);
  }

  /** Settings from the next step on. */
  apply(change: CacheChange): void {
    const { placement, activeSet = 'routed', atStep } = change;
    if (change.cold) this.retire(atStep);
    if (this.devices.length === 0) {
      this.devices = Array.from(
        { length: placement.devices },
        (_, device) => new DeviceCaches(device, this.moeLayers, this.experts, { ...change, slotsPerLayer: 1 }),
      );
    }
    if (placement !== this.placement || activeSet !== this.activeSet) {
      this.active = new DeviceActive(placement, this.experts, activeSet);
    }
    this.placement = placement;
    this.activeSet = activeSet;
    for (const [device, caches] of this.devices.entries()) {
      for (const { layer, expert } of caches.apply(change)) {
        this.retired.gaveUp(device, layer);
        this.watch?.('evict', { step: atStep, layer, device }, expert, 0);
      }
    }
  }

  step(trace: RoutingTrace, step: number): void {
    const { active } = this;
    if (active === undefined) throw new Error('settings must be applied before the first step');
    this.retired.settle();
    for (let layer = 0; layer < this.moeLayers; layer++) {
      // A step that has no token for the layer does not pass there.
      if (active.scan(trace, step, layer) === 0) continue;
      const foreseen = foreseenOf(trace, step, layer);
      for (const [device, caches] of this.devices.entries()) {
        const ids = active.ids[device] as Int32Array;
        const count = active.counts[device] as number;
        const { watch } = this;
        const served = watch && watching(watch, caches, { step, layer, device });
        caches.replayPrefetch(layer, foreseen, served);
        caches.replayEvent(layer, ids, count, active.rows[device], served);
      }
    }
  }

  /** Whether a device holds an expert now. */
  isResident(device: number, layer: number, expert: number): boolean {
    return this.devices[device]?.isResident(layer, expert) ?? false;
  }

  counters(device: number, layer: number): CacheCounters {
    return this.retired.cache(device, layer, this.device(device));
  }

  prefetches(device: number, layer: number): PrefetchCounters {
    return this.retired.prefetch(device, layer, this.device(device));
  }

  /** Experts resident on a device, all layers. */
  residents(device: number): number {
    return this.devices[device]?.residentCount ?? 0;
  }

  /** All devices and layers together. */
  get totals(): CacheCounters {
    const sum: CacheCounters = { hits: 0, misses: 0, loads: 0, evictions: 0 };
    for (const [device, caches] of this.devices.entries()) {
      for (let layer = 0; layer < this.moeLayers; layer++) {
        const counters = this.retired.cache(device, layer, caches);
        sum.hits += counters.hits;
        sum.misses += counters.misses;
        sum.loads += counters.loads;
        sum.evictions += counters.evictions;
      }
    }
    return sum;
  }

  /** All devices and layers together. */
  get prefetchTotals(): PrefetchCounters {
    const sum: PrefetchCounters = { loads: 0, used: 0, harmed: 0 };
    for (const [device, caches] of this.devices.entries()) {
      for (let layer = 0; layer < this.moeLayers; layer++) {
        const prefetches = this.retired.prefetch(device, layer, caches);
        sum.loads += prefetches.loads;
        sum.used += prefetches.used;
        sum.harmed += prefetches.harmed;
      }
    }
    return sum;
  }

  private retire(atStep: number): void {
    this.retired.retire(this.devices);
    for (const [device, caches] of this.watch === undefined ? [] : this.devices.entries()) {
      for (const { layer, expert } of caches.retain(() => false))
        this.watch?.('evict', { step: atStep, layer, device }, expert, 0);
    }
    this.devices = [];
  }

  private device(device: number): DeviceCaches {
    const caches = this.devices[device];
    if (caches === undefined) throw new RangeError(`no caches of device ${device}`);
    return caches;
  }
}

function watching(watch: CacheWatch, caches: DeviceCaches, place: Parameters<CacheWatch>[1]) {
  return (expert: number, verdict: number, rows: number) => {
    if (verdict >= 0) {
      const layer = caches.victimLayer(place.layer, verdict);
      watch('evict', { ...place, layer }, caches.victimExpert(verdict), 0);
    }
    if (verdict === COMPUTE) watch('compute', place, expert, rows);
    else watch(verdict === HIT ? 'hit' : 'load', place, expert, 0);
  };
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
