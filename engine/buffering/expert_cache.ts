import type { EvictionName } from '../protocol/settings.ts';
import { CopyOrCompute } from './copy_or_compute.ts';
import { type CachePlace, DeviceRouting } from './device_routing.ts';
import { createPolicy } from './policies.ts';
import type { CacheView, EvictionPolicy } from './policy.ts';

/** `access` verdicts that are not the expert to give up. */
export const HIT = -1;
export const LOAD = -2;
/** Absent, and stays so: the host is to compute its rows. */
export const COMPUTE = -3;

export interface CacheCounters {
  hits: number;
  misses: number;
  /** Misses that were not computed on the host, and prefetches. */
  loads: number;
  /** For a load, by a resize, or since another device owns the expert now. */
  evictions: number;
}

/** Of the loads, those ahead of need. */
export interface PrefetchCounters {
  loads: number;
  /** Used by the event that they were made for. */
  used: number;
  /** Misses of experts that a load ahead had pushed out. */
  harmed: number;
}

/** Misses that the host computed, which loaded nothing. @param ahead loads ahead of need */
export function computedMisses({ misses, loads }: Pick<CacheCounters, 'misses' | 'loads'>, ahead: number): number {
  return misses - (loads - ahead);
}

interface LayerCounts {
  readonly counters: CacheCounters;
  readonly prefetches: PrefetchCounters;
}

/**
 * Which experts a device holds (paper, Expert Buffering): `capacity` slots, an eviction policy, counters. Of one layer, as in the
 * paper, or of several that share the slots: then an id is the layer's number in the cache times E plus the expert, and a step of a
 * layer protects its own active set only; any other layer's resident may go.
 * It decides and does nothing: a rank loads and releases what it says, a replay drives it with nothing behind. The same object
 * serves both, which is why replayed and live counters agree to the unit.
 *
 * A step: `openStep` with the active set, then `access` for every expert in the order it returns. Residents come first (all
 * of them are hits, and run before anything is given up), then misses by rising id, each in the slot of a victim.
 * A miss need not load: its rows may be computed on the host (copy_or_compute.ts).
 */
export class ExpertCache implements CacheView {
  private readonly byLayer: LayerCounts[];
  private policy: EvictionPolicy;
  private eviction: EvictionName;
  private slots: number;
  private held = 0;
  private step = 0;
  private readonly layers: number;
  private readonly resident: Uint8Array;
  private readonly activeStamp: Int32Array;
  private readonly order: Int32Array;
  private readonly missing: Int32Array;
  /** Order of loads, for handing residents to another policy. */
  private readonly loadedAt: Float64Array;
  readonly uses: Uint32Array;
  private readonly absent: CopyOrCompute;
  private opened = 0;
  /** Id of expert 0 of the layer whose step is open, and its counters. */
  private base = 0;
  private counts: LayerCounts;
  /** Made with the first prefetch: steps for which an expert is kept, for which it was loaded ahead; 1 where that pushed it out. */
  private ahead: { kept: Int32Array; loadedFor: Int32Array; pushedOut: Uint8Array } | undefined;
  /** Id of expert 0 of the layer that is loaded ahead for. */
  private aheadBase = 0;

  /**
   * @param experts of a layer
   * @param capacity slots, at least 1
   * @param place the cache's layers on its device, for policies that look beyond one; absent: one layer, alone on it
   */
  constructor(
    private readonly experts: number,
    capacity: number,
    eviction: EvictionName,
    private readonly place: CachePlace = { routing: new DeviceRouting(1, experts), layer: 0 },
  ) {
    this.slots = capacity;
    this.eviction = eviction;
    const { layers = 1 } = place;
    this.layers = layers;
    const ids = layers * experts;
    this.resident = new Uint8Array(ids);
    this.activeStamp = new Int32Array(ids);
    this.order = new Int32Array(experts);
    this.missing = new Int32Array(experts);
    this.loadedAt = new Float64Array(ids);
    this.uses = new Uint32Array(ids);
    this.absent = new CopyOrCompute(ids);
    this.byLayer = Array.from({ length: layers }, noCounts);
    this.counts = this.byLayer[0] as LayerCounts;
    this.policy = createPolicy(eviction, ids, place, this);
  }

  /** Rows of an absent expert that the host may compute before it is loaded; 0: it is loaded at once. */
  get copyAfterRows(): number {
    return this.absent.afterRows;
  }

  set copyAfterRows(rows: number) {
    this.absent.afterRows = rows;
  }

  get capacity(): number {
    return this.slots;
  }

  /** Steps opened so far; of several layers, rounds of them. */
  get steps(): number {
    return Math.floor(this.opened / this.layers);
  }

  get residentCount(): number {
    return this.held;
  }

  /** Of one of its layers. What was given up counts where it belonged, whichever layer took the slot. */
  countersOf(layer: number): CacheCounters {
    return (this.byLayer[layer] as LayerCounts).counters;
  }

  prefetchesOf(layer: number): PrefetchCounters {
    return (this.byLayer[layer] as LayerCounts).prefetches;
  }

  /** Of its first layer: all there is where it has one. */
  get counters(): CacheCounters {
    return this.countersOf(0);
  }

  get prefetches(): PrefetchCounters {
    return this.prefetchesOf(0);
  }

  isResident(expert: number, layer = 0): boolean {
    return this.resident[layer * this.experts + expert] === 1;
  }

  /** Ids, ascending. */
  residents(): number[] {
    const ids: number[] = [];
    for (let id = 0; id < this.resident.length; id++) if (this.resident[id] === 1) ids.push(id);
    return ids;
  }

  /**
   * @param active experts that a layer's step needs, ascending and distinct, in its first `count` places
   * @returns the order to serve them in, its first `count` places; reused by the next call
   */
  openStep(active: ArrayLike<number>, count: number, layer = 0): Int32Array {
    const { resident, order, missing, activeStamp, uses } = this;
    const step = ++this.step;
    this.opened++;
    const base = layer * this.experts;
    this.base = base;
    this.counts = this.byLayer[layer] as LayerCounts;
    let hits = 0;
    // Without branches: whether an expert is resident is what a branch predictor cannot know.
    for (let i = 0; i < count; i++) {
      const expert = active[i] as number;
      const id = base + expert;
      activeStamp[id] = step;
      uses[id] = (uses[id] as number) + 1;
      order[hits] = expert;
      missing[i - hits] = expert;
      hits += resident[id] as number;
    }
    for (let i = hits; i < count; i++) order[i] = missing[i - hits] as number;
    this.policy.openStep?.(active, count, step, layer);
    return order;
  }

  /** Whether `access` will say COMPUTE: known before any expert of the open step is served, since nothing else changes it. */
  computes(expert: number, rows: number): boolean {
    const id = this.base + expert;
    return this.resident[id] === 0 && this.absent.computes(id, rows);
  }

  /**
   * Serves one expert of the step.
   * @param rows that it has there; of no account where every miss loads
   * @returns HIT, COMPUTE, LOAD (a slot was free), or the id to give up before the load
   */
  access(expert: number, rows = 0): number {
    const id = this.base + expert;
    if (this.resident[id] === 0) return this.miss(id, rows);
    this.hit(id);
    return HIT;
  }

  /**
   * A whole step: what `openStep` and `access` of each expert in turn would do, in one pass where nobody asks what comes of each.
   * @param active as for `openStep`, in the `count` places from `from` on
   * @param rows of each, in the same places; needed where misses may be computed
   * @returns its misses
   */
  serve(active: Int32Array, from: number, count: number, layer = 0, rows?: Int32Array): number {
    const { resident, missing, activeStamp, uses, policy } = this;
    const step = ++this.step;
    this.opened++;
    const base = layer * this.experts;
    this.base = base;
    this.counts = this.byLayer[layer] as LayerCounts;
    if (policy.openStep !== undefined) {
      for (let i = 0; i < count; i++) {
        const expert = active[from + i] as number;
        missing[i] = expert;
        uses[base + expert] = (uses[base + expert] as number) + 1;
      }
      policy.openStep(missing, count, step, layer);
    }
    let misses = 0;
    for (let at = from; at < from + count; at++) {
      const id = base + (active[at] as number);
      activeStamp[id] = step;
      if (policy.openStep === undefined) uses[id] = (uses[id] as number) + 1;
      if (resident[id] === 1) this.hit(id);
      else missing[misses++] = at;
    }
    for (let i = 0; i < misses; i++) {
      const at = missing[i] as number;
      this.miss(base + (active[at] as number), rows === undefined ? 0 : (rows[at] as number));
    }
    return misses;
  }

  private hit(id: number): void {
    const { counters, prefetches } = this.counts;
    counters.hits++;
    if (this.ahead !== undefined && this.ahead.loadedFor[id] === this.step) prefetches.used++;
    this.policy.onHit(id, this.step);
  }

  /** @returns as `access` */
  private miss(id: number, rows: number): number {
    const { counters, prefetches } = this.counts;
    counters.misses++;
    if (this.ahead !== undefined && this.ahead.pushedOut[id] === 1) {
      prefetches.harmed++;
      this.ahead.pushedOut[id] = 0;
    }
    if (this.absent.computes(id, rows)) {
      this.absent.computed(id, rows);
      return COMPUTE;
    }
    counters.loads++;
    const victim = this.held < this.slots ? LOAD : this.giveUp(this.activeStamp, this.step);
    this.takeIn(id);
    this.policy.onLoad(id, this.step);
    return victim;
  }

  /** Before a layer's next step, the next to be opened: what follows is `keep` and `prefetch`. */
  beginPrefetch(layer = 0): void {
    const ids = this.resident.length;
    this.aheadBase = layer * this.experts;
    this.ahead ??= { kept: new Int32Array(ids), loadedFor: new Int32Array(ids), pushedOut: new Uint8Array(ids) };
  }

  /** A resident that no prefetch for the next step is to push out. */
  keep(expert: number): void {
    (this.ahead as NonNullable<typeof this.ahead>).kept[this.aheadBase + expert] = this.step + 1;
  }

  /**
   * Loads an absent expert for the next step; there must be a free slot or a resident that is not kept.
   * @returns LOAD (a slot was free), or the id to give up before the load
   */
  prefetch(expert: number): number {
    const { kept, loadedFor, pushedOut } = this.ahead as NonNullable<typeof this.ahead>;
    const { counters, prefetches } = this.byLayer[this.aheadBase / this.experts] as LayerCounts;
    const id = this.aheadBase + expert;
    const step = this.step + 1;
    const victim = this.held < this.slots ? LOAD : this.giveUp(kept, step);
    if (victim !== LOAD) pushedOut[victim] = 1;
    counters.loads++;
    prefetches.loads++;
    this.takeIn(id);
    loadedFor[id] = step;
    kept[id] = step;
    if (this.policy.onPrefetch === undefined) this.policy.onLoad(id, step);
    else this.policy.onPrefetch(id, step);
    return victim;
  }

  /** @returns the ids given up, in order */
  resize(capacity: number): number[] {
    this.slots = capacity;
    // No step is open: as in the next one, before it has active experts, nothing is protected. The step itself does not pass.
    const givenUp: number[] = [];
    while (this.held > capacity) givenUp.push(this.giveUp(this.activeStamp, this.step + 1));
    return givenUp;
  }

  /**
   * Residents stay; a new policy learns them in the order in which they were loaded, as one use each. The policy in force
   * stays as it is: a resize that came with it must not make it forget what was used last.
   */
  setEviction(eviction: EvictionName): void {
    if (eviction === this.eviction) return;
    this.eviction = eviction;
    this.renewPolicy();
  }

  /** Gives up every resident that is not to be kept (another device owns it now). @returns ids, ascending */
  retain(keep: (expert: number, layer: number) => boolean): number[] {
    const givenUp = this.residents().filter((id) => !keep(id % this.experts, Math.floor(id / this.experts)));
    for (const id of givenUp) this.drop(id);
    return givenUp;
  }

  /**
   * Begins, as a new cache, with what other caches hold and have counted of its layers, which they give up to it. There must be
   * slots for it. What loads ahead had pushed out is forgotten.
   * @param from a cache for each layer, and the layer's number in it
   */
  takeOver(from: readonly { readonly cache: ExpertCache; readonly layer: number }[]): void {
    const { experts } = this;
    for (const [layer, { cache, layer: number }] of from.entries()) {
      const [begin, end, base] = [number * experts, (number + 1) * experts, layer * experts];
      this.byLayer[layer] = cache.byLayer[number] as LayerCounts;
      this.uses.set(cache.uses.subarray(begin, end), base);
      this.resident.set(cache.resident.subarray(begin, end), base);
      this.loadedAt.set(cache.loadedAt.subarray(begin, end), base);
      this.absent.takeOver(cache.absent, begin, end, base);
      this.opened += cache.steps;
    }
    this.held = this.residents().length;
    this.renewPolicy();
  }

  private renewPolicy(): void {
    this.policy = createPolicy(this.eviction, this.resident.length, this.place, this);
    const residents = this.residents().sort((a, b) => (this.loadedAt[a] as number) - (this.loadedAt[b] as number));
    for (const id of residents) this.policy.onLoad(id, ++this.step);
  }

  private takeIn(id: number): void {
    if (this.ahead !== undefined) this.ahead.pushedOut[id] = 0;
    this.resident[id] = 1;
    this.absent.copied(id);
    this.held++;
    this.loadedAt[id] = ++this.place.routing.loads;
  }

  private giveUp(stamps: Int32Array, step: number): number {
    const victim = this.policy.victim(stamps, step);
    this.drop(victim);
    return victim;
  }

  private drop(id: number): void {
    this.policy.onEvict(id);
    this.resident[id] = 0;
    this.held--;
    this.countersOf(this.layers === 1 ? 0 : Math.floor(id / this.experts)).evictions++;
  }
}

function noCounts(): LayerCounts {
  return {
    counters: { hits: 0, misses: 0, loads: 0, evictions: 0 },
    prefetches: { loads: 0, used: 0, harmed: 0 },
  };
}
