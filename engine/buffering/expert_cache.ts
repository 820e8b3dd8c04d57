import type { EvictionName } from '../protocol/settings.ts';
import { type CachePlace, DeviceRouting } from './device_routing.ts';
import { createPolicy } from './policies.ts';
import type { CacheView, EvictionPolicy } from './policy.ts';

/** `access` verdicts that are not the expert to give up. */
export const HIT = -1;
export const LOAD = -2;

export interface CacheCounters {
  hits: number;
  misses: number;
  /** Misses and prefetches. */
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

/**
 * Which experts of one layer a device holds (paper, Expert Buffering): `capacity` slots, an eviction policy, counters.
 * It decides and does nothing: a rank loads and releases what it says, a replay drives it with nothing behind. The same object
 * serves both, which is why replayed and live counters agree to the unit.
 *
 * A step: `openStep` with the active set, then `access` for every expert in the order it returns. Residents come first (all
 * of them are hits, and run before anything is given up), then misses by rising id, each in the slot of a victim.
 */
export class ExpertCache implements CacheView {
  readonly counters: CacheCounters = { hits: 0, misses: 0, loads: 0, evictions: 0 };
  readonly prefetches: PrefetchCounters = { loads: 0, used: 0, harmed: 0 };
  private policy: EvictionPolicy;
  private eviction: EvictionName;
  private slots: number;
  private held = 0;
  private step = 0;
  private readonly resident: Uint8Array;
  private readonly activeStamp: Int32Array;
  private readonly order: Int32Array;
  private readonly missing: Int32Array;
  /** Order of loads, for handing residents to another policy. */
  private readonly loadedAt: Int32Array;
  private loadNumber = 0;
  readonly uses: Uint32Array;
  private opened = 0;
  /** Made with the first prefetch: steps for which an expert is kept, for which it was loaded ahead; 1 where that pushed it out. */
  private ahead: { kept: Int32Array; loadedFor: Int32Array; pushedOut: Uint8Array } | undefined;

  /**
   * @param experts ids are 0..experts-1
   * @param capacity slots, at least 1
   * @param place the cache's layer on its device, for policies that look beyond one; absent: alone on it
   */
  constructor(
    private readonly experts: number,
    capacity: number,
    eviction: EvictionName,
    private readonly place: CachePlace = { routing: new DeviceRouting(1, experts), layer: 0 },
  ) {
    this.slots = capacity;
    this.eviction = eviction;
    this.resident = new Uint8Array(experts);
    this.activeStamp = new Int32Array(experts);
    this.order = new Int32Array(experts);
    this.missing = new Int32Array(experts);
    this.loadedAt = new Int32Array(experts);
    this.uses = new Uint32Array(experts);
    this.policy = createPolicy(eviction, experts, place, this);
  }

  get capacity(): number {
    return this.slots;
  }

  /** Steps opened so far. */
  get steps(): number {
    return this.opened;
  }

  get residentCount(): number {
    return this.held;
  }

  isResident(expert: number): boolean {
    return this.resident[expert] === 1;
  }

  residents(): number[] {
    const ids: number[] = [];
    for (let expert = 0; expert < this.experts; expert++) if (this.resident[expert] === 1) ids.push(expert);
    return ids;
  }

  /**
   * @param active ids that the step needs, ascending and distinct, in its first `count` places
   * @returns the order to serve them in, its first `count` places; reused by the next call
   */
  openStep(active: ArrayLike<number>, count: number): Int32Array {
    const { resident, order, missing, activeStamp, uses } = this;
    const step = ++this.step;
    this.opened++;
    let hits = 0;
    // Without branches: whether an expert is resident is what a branch predictor cannot know.
    for (let i = 0; i < count; i++) {
      const expert = active[i] as number;
      activeStamp[expert] = step;
      uses[expert] = (uses[expert] as number) + 1;
      order[hits] = expert;
      missing[i - hits] = expert;
      hits += resident[expert] as number;
    }
    for (let i = hits; i < count; i++) order[i] = missing[i - hits] as number;
    this.policy.openStep?.(active, count, step);
    return order;
  }

  /** Serves one expert of the step. @returns HIT, LOAD (a slot was free), or the expert to give up before the load */
  access(expert: number): number {
    const { counters } = this;
    if (this.resident[expert] === 1) {
      counters.hits++;
      if (this.ahead?.loadedFor[expert] === this.step) this.prefetches.used++;
      this.policy.onHit(expert, this.step);
      return HIT;
    }
    counters.misses++;
    counters.loads++;
    if (this.ahead?.pushedOut[expert] === 1) this.prefetches.harmed++;
    const victim = this.held < this.slots ? LOAD : this.giveUp(this.activeStamp, this.step);
    this.takeIn(expert);
    this.policy.onLoad(expert, this.step);
    return victim;
  }

  /** Before the next step is opened: what follows is `keep` and `prefetch`. */
  beginPrefetch(): void {
    const { experts } = this;
    this.ahead ??= {
      kept: new Int32Array(experts),
      loadedFor: new Int32Array(experts),
      pushedOut: new Uint8Array(experts),
    };
  }

  /** A resident that no prefetch for the next step is to push out. */
  keep(expert: number): void {
    (this.ahead as NonNullable<typeof this.ahead>).kept[expert] = this.step + 1;
  }

  /**
   * Loads an absent expert for the next step; there must be a free slot or a resident that is not kept.
   * @returns LOAD (a slot was free), or the expert to give up before the load
   */
  prefetch(expert: number): number {
    const { kept, loadedFor, pushedOut } = this.ahead as NonNullable<typeof this.ahead>;
    const step = this.step + 1;
    const victim = this.held < this.slots ? LOAD : this.giveUp(kept, step);
    if (victim !== LOAD) pushedOut[victim] = 1;
    this.counters.loads++;
    this.prefetches.loads++;
    this.takeIn(expert);
    loadedFor[expert] = step;
    kept[expert] = step;
    if (this.policy.onPrefetch === undefined) this.policy.onLoad(expert, step);
    else this.policy.onPrefetch(expert, step);
    return victim;
  }

  /** @returns the experts given up, in order */
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
    this.policy = createPolicy(eviction, this.experts, this.place, this);
    const residents = this.residents().sort((a, b) => (this.loadedAt[a] as number) - (this.loadedAt[b] as number));
    for (const expert of residents) this.policy.onLoad(expert, ++this.step);
  }

  /** Gives up every resident that is not to be kept (another device owns it now). */
  retain(keep: (expert: number) => boolean): number[] {
    const givenUp = this.residents().filter((expert) => !keep(expert));
    for (const expert of givenUp) this.drop(expert);
    return givenUp;
  }

  private takeIn(expert: number): void {
    if (this.ahead !== undefined) this.ahead.pushedOut[expert] = 0;
    this.resident[expert] = 1;
    this.held++;
    this.loadedAt[expert] = ++this.loadNumber;
  }

  private giveUp(stamps: Int32Array, step: number): number {
    const victim = this.policy.victim(stamps, step);
    this.drop(victim);
    return victim;
  }

  private drop(expert: number): void {
    this.policy.onEvict(expert);
    this.resident[expert] = 0;
    this.held--;
    this.counters.evictions++;
  }
}
