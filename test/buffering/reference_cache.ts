import type { CacheCounters } from '../../engine/buffering/expert_cache.ts';
import { PIN_STEPS } from '../../engine/buffering/pinned.ts';
import type { EvictionName } from '../../engine/protocol/settings.ts';
import { type Queues, S3Queues, SieveQueue } from './reference_queues.ts';

interface Resident {
  readonly expert: number;
  /** Number of the load. */
  readonly load: number;
  /** Event of the last use. */
  use: number;
  /** Number of the last use, counted as experts are served. */
  served: number;
}

/** The protocol and the rules once more, from their descriptions: arrays and sorts, no order kept, nothing clever. */
export class ReferenceCache {
  readonly counters: CacheCounters = { hits: 0, misses: 0, loads: 0, evictions: 0 };
  private held: Resident[] = [];
  private loads = 0;
  private served = 0;
  /** What was used in each step since the policy is in force. */
  private history: (readonly number[])[] = [];
  private queues: Queues | undefined;
  /** Everything ever used, step by step. */
  private readonly seen: (readonly number[])[] = [];
  private pins: { expert: number[]; capacity: number } | undefined;
  private pinDue = PIN_STEPS;

  constructor(
    private capacity: number,
    private policy: EvictionName,
    /** How many layers share the slots: their events come in turn, and a step is one round of them. */
    private readonly layers = 1,
  ) {
    this.queues = queuesOf(policy);
  }

  residents(): number[] {
    return this.held.map(({ expert }) => expert).sort((a, b) => a - b);
  }

  /** @returns [expert, 'hit' | 'load' | expert given up] in serving order */
  event(active: readonly number[]): [number, 'hit' | 'load' | number][] {
    this.history.push(active);
    this.seen.push(active);
    this.pin();
    const hits = active.filter((expert) => this.find(expert) !== undefined);
    const misses = active.filter((expert) => !hits.includes(expert));
    for (const expert of hits) {
      this.counters.hits++;
      Object.assign(this.find(expert) as Resident, { use: this.history.length, served: ++this.served });
      this.queues?.hit(expert);
    }
    const loaded = misses.map((expert): [number, 'load' | number] => {
      this.counters.misses++;
      this.counters.loads++;
      const full = this.held.length >= this.capacity;
      const verdict = full ? this.giveUp(active, this.history.length) : 'load';
      this.held.push({ expert, load: ++this.loads, use: this.history.length, served: ++this.served });
      this.queues?.load(expert);
      return [expert, verdict];
    });
    return [...hits.map((expert): [number, 'hit'] => [expert, 'hit']), ...loaded];
  }

  resize(capacity: number): number[] {
    this.capacity = capacity;
    const gone: number[] = [];
    while (this.held.length > capacity) gone.push(this.giveUp([], this.history.length + 1));
    return gone;
  }

  setEviction(policy: EvictionName): void {
    if (policy === this.policy) return;
    this.policy = policy;
    this.pins = undefined;
    this.pinDue = PIN_STEPS;
    this.pin();
    this.queues = queuesOf(policy);
    this.history = [];
    for (const resident of [...this.held].sort((a, b) => a.load - b.load)) {
      resident.use = this.history.push([resident.expert]);
      resident.served = ++this.served;
      this.queues?.load(resident.expert);
    }
  }

  retain(kept: readonly number[]): number[] {
    const gone = this.residents().filter((expert) => !kept.includes(expert));
    for (const expert of gone) this.remove(expert);
    return gone;
  }

  private giveUp(active: readonly number[], now: number): number {
    this.pin();
    const inactive = this.held.filter(({ expert }) => !active.includes(expert));
    const candidates = inactive.length > 0 && this.policy !== 'pinned' ? inactive : this.held;
    const rank = (resident: Resident): number[] => {
      const byUse = [resident.use, resident.expert];
      switch (this.policy) {
        case 'lifo':
          return [-resident.load];
        case 'lifo-lru':
          return inactive.length > 0 ? byUse : [-resident.load];
        case 'pinned': {
          const pinned = this.pins?.expert.includes(resident.expert) ?? false;
          return [pinned ? 1 : 0, active.includes(resident.expert) ? 1 : 0, ...byUse];
        }
        case 'fifo':
          return [resident.load];
        case 'lfu':
          return [this.usesOf(resident).length, resident.served];
        case 'lfru':
          return [this.usesOf(resident).length / (Math.floor((now - resident.use) / this.layers) + 1), resident.served];
        case 'decayed':
          return [
            this.usesOf(resident).reduce((sum, use) => sum + 0.95 ** (this.round(now) - this.round(use)), 0),
            resident.served,
          ];
        default:
          return byUse;
      }
    };
    const [first] = [...candidates].sort((a, b) => {
      const [left, right] = [rank(a), rank(b)];
      const differs = left.findIndex((value, place) => value !== right[place]);
      return differs === -1 ? 0 : (left[differs] as number) - (right[differs] as number);
    });
    const expert = this.queues?.victim(active) ?? (first as Resident).expert;
    this.remove(expert);
    return expert;
  }

  /** Steps that used the expert, also before it came in last. */
  private usesOf({ expert }: Resident): number[] {
    return this.history.flatMap((used, step) => (used.includes(expert) ? [step + 1] : []));
  }

  private round(event: number): number {
    return Math.ceil(event / this.layers);
  }

  private pin(): void {
    const resized = this.pins !== undefined && this.pins.capacity !== this.capacity;
    if (this.policy !== 'pinned' || (Math.floor(this.seen.length / this.layers) < this.pinDue && !resized)) return;
    this.pinDue = Number.POSITIVE_INFINITY;
    const uses = (expert: number) => this.seen.filter((used) => used.includes(expert)).length;
    const hottest = [...new Set(this.seen.flat())].sort((a, b) => uses(b) - uses(a) || a - b);
    this.pins = { expert: hottest.slice(0, this.capacity - 1), capacity: this.capacity };
  }

  private remove(expert: number): void {
    if (this.pins?.expert.includes(expert)) this.pinDue = Math.floor(this.seen.length / this.layers) + PIN_STEPS;
    this.held = this.held.filter((resident) => resident.expert !== expert);
    this.queues?.remove(expert);
    this.counters.evictions++;
  }

  private find(expert: number): Resident | undefined {
    return this.held.find((resident) => resident.expert === expert);
  }
}

function queuesOf(policy: EvictionName): Queues | undefined {
  if (policy === 'sieve') return new SieveQueue();
  return policy === 's3-fifo' ? new S3Queues() : undefined;
}
