import type { CacheCounters } from '../../engine/buffering/expert_cache.ts';
import type { EvictionName } from '../../engine/protocol/settings.ts';

interface Resident {
  readonly expert: number;
  /** Number of the load. */
  readonly load: number;
  /** Event of the last use. */
  use: number;
}

/** The protocol and the three rules once more, from their descriptions: arrays and sorts, no order kept, nothing clever. */
export class ReferenceCache {
  readonly counters: CacheCounters = { hits: 0, misses: 0, loads: 0, evictions: 0 };
  private held: Resident[] = [];
  private loads = 0;
  private now = 0;

  constructor(
    private capacity: number,
    private policy: EvictionName,
  ) {}

  residents(): number[] {
    return this.held.map(({ expert }) => expert).sort((a, b) => a - b);
  }

  /** @returns [expert, 'hit' | 'load' | expert given up] in serving order */
  event(active: readonly number[]): [number, 'hit' | 'load' | number][] {
    this.now++;
    const hits = active.filter((expert) => this.find(expert) !== undefined);
    const misses = active.filter((expert) => !hits.includes(expert));
    for (const expert of hits) {
      this.counters.hits++;
      (this.find(expert) as Resident).use = this.now;
    }
    const loaded = misses.map((expert): [number, 'load' | number] => {
      this.counters.misses++;
      this.counters.loads++;
      const full = this.held.length >= this.capacity;
      const verdict = full ? this.giveUp(active) : 'load';
      this.held.push({ expert, load: ++this.loads, use: this.now });
      return [expert, verdict];
    });
    return [...hits.map((expert): [number, 'hit'] => [expert, 'hit']), ...loaded];
  }

  resize(capacity: number): number[] {
    this.capacity = capacity;
    const gone: number[] = [];
    while (this.held.length > capacity) gone.push(this.giveUp([]));
    return gone;
  }

  setEviction(policy: EvictionName): void {
    if (policy === this.policy) return;
    this.policy = policy;
    for (const resident of [...this.held].sort((a, b) => a.load - b.load)) resident.use = ++this.now;
  }

  retain(kept: readonly number[]): number[] {
    const gone = this.residents().filter((expert) => !kept.includes(expert));
    for (const expert of gone) this.remove(expert);
    return gone;
  }

  private giveUp(active: readonly number[]): number {
    const inactive = this.held.filter(({ expert }) => !active.includes(expert));
    const candidates = inactive.length > 0 ? inactive : this.held;
    const byUse = this.policy === 'lru' || (this.policy === 'lifo-lru' && inactive.length > 0);
    const [first] = [...candidates].sort((a, b) => (byUse ? a.use - b.use || a.expert - b.expert : b.load - a.load));
    const { expert } = first as Resident;
    this.remove(expert);
    return expert;
  }

  private remove(expert: number): void {
    this.held = this.held.filter((resident) => resident.expert !== expert);
    this.counters.evictions++;
  }

  private find(expert: number): Resident | undefined {
    return this.held.find((resident) => resident.expert === expert);
  }
}
