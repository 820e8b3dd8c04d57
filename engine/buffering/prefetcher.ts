import type { ExpertCache } from './expert_cache.ts';
import type { Foresight } from './foresight.ts';

/** An expert is loaded ahead where, by experience, it is used at least so often. */
const LEAST_USEFUL = 0.4;
/** A guess below this vote is neither made nor learnt from. */
const LEAST_VOTE = 0.1;
const BINS = 20;
/** What experience is worth a pass later, and how many guesses the vote itself counts for. */
const FORGET = 0.9;
const PRIOR = 4;

/**
 * Loads experts before a layer asks for them, by what is foreseen of it (foresight.ts). One for the caches of a device; like a cache
 * it decides and does nothing.
 *
 * How useful a vote is it learns from its absent experts, by vote, over all layers: where guesses do not come true, as in a cache
 * that holds nearly everything or after too short a history, it stops by itself.
 */
export class Prefetcher {
  /** Experts to load, best first; as many as `plan` returned. */
  readonly wanted: Int32Array;
  private readonly usefulness: Float64Array;
  private readonly guesses: Int32Array;
  private readonly guessBins: Int32Array;
  private guessed = 0;
  private readonly isActive: Uint8Array;
  private readonly tried = new Float64Array(BINS);
  private readonly used = new Float64Array(BINS);
  /** Size of each layer's last event. */
  private readonly lastSize: Int32Array;
  /** Planned last: one not above it begins a pass. */
  private lastLayer = -1;

  constructor(
    private readonly foresight: Foresight,
    layers: number,
    private readonly experts: number,
  ) {
    this.wanted = new Int32Array(experts);
    this.usefulness = new Float64Array(experts);
    this.guesses = new Int32Array(experts);
    this.guessBins = new Int32Array(experts);
    this.isActive = new Uint8Array(experts);
    this.lastSize = new Int32Array(layers);
  }

  /**
   * What is to be loaded into a layer's cache before its next event: absent experts that are likely enough, at most as many as
   * its last event used, and only for residents that are not foreseen themselves, which the cache is told to keep.
   * @param held whether the device may hold an expert
   * @param place number of the layer within the cache
   * @param foreseen for the foresight
   * @returns their number
   */
  plan(
    layer: number,
    cache: ExpertCache,
    held: (expert: number) => boolean,
    place = 0,
    foreseen?: Uint8Array | undefined,
  ): number {
    const { usefulness, wanted } = this;
    this.guessed = 0;
    if (layer <= this.lastLayer) this.forget();
    this.lastLayer = layer;
    const votes = this.foresight.votes(layer, foreseen);
    if (votes === undefined) return 0;
    cache.beginPrefetch(place);
    let room = cache.capacity;
    let count = 0;
    for (let expert = 0; expert < this.experts; expert++) {
      const vote = votes[expert] as number;
      if (vote < LEAST_VOTE) continue;
      if (cache.isResident(expert, place)) {
        if (vote < LEAST_USEFUL) continue;
        cache.keep(expert);
        room--;
      } else if (held(expert)) {
        const useful = this.guess(expert, vote);
        if (useful < LEAST_USEFUL) continue;
        usefulness[expert] = useful;
        let at = count++;
        for (; at > 0 && (usefulness[wanted[at - 1] as number] as number) < useful; at--) {
          wanted[at] = wanted[at - 1] as number;
        }
        wanted[at] = expert;
      }
    }
    return Math.max(0, Math.min(count, room, this.lastSize[layer] as number));
  }

  /** The event itself: says which guesses came true. Comes before the cache's `openStep`. */
  observe(layer: number, active: ArrayLike<number>, count: number): void {
    const { isActive, tried, used, guesses, guessBins } = this;
    for (let i = 0; i < count; i++) isActive[active[i] as number] = 1;
    for (let i = 0; i < this.guessed; i++) {
      const bin = guessBins[i] as number;
      tried[bin] = (tried[bin] as number) + 1;
      used[bin] = (used[bin] as number) + (isActive[guesses[i] as number] as number);
    }
    for (let i = 0; i < count; i++) isActive[active[i] as number] = 0;
    this.guessed = 0;
    this.lastSize[layer] = count;
    this.foresight.observe(layer, active, count);
  }

  /** @returns how often such a vote for an absent expert has come true */
  private guess(expert: number, vote: number): number {
    const bin = Math.min(BINS - 1, Math.floor(vote * BINS));
    this.guesses[this.guessed] = expert;
    this.guessBins[this.guessed++] = bin;
    return ((this.used[bin] as number) + PRIOR * vote) / ((this.tried[bin] as number) + PRIOR);
  }

  private forget(): void {
    for (let bin = 0; bin < BINS; bin++) {
      this.tried[bin] = (this.tried[bin] as number) * FORGET;
      this.used[bin] = (this.used[bin] as number) * FORGET;
    }
  }
}
