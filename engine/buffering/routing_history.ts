/** Passes that are remembered, the present one included; a power of two: a pass's place is its number's low bits. */
const WINDOW = 512;
const MASK = WINDOW - 1;
const WORDS = WINDOW / 32;
/** What a layer's likeness is worth a layer later. */
const LAYER_DECAY = 0.7;
/** Weight of how alike the passes before were. */
const BEFORE = 0.5;
const NEAREST = 16;
const SHARPNESS = 12;
const BINS = 64;
/** What a use is worth a pass later, in `expectUse`. */
const USE_DECAY = 0.6;
const LEAST_USE = 1e-4;

/**
 * Which experts each of the last 511 passes used, layer by layer, and how alike the present pass is to each of them: a past
 * pass whose routing looks like the present one's tells what is used next. Needs expert ids only.
 *
 * One a device, fed with the device's own experts: what others own cannot be loaded here, and ids of a placement that changed
 * stay what they were. A pass is one step, its prompt tokens and sequences as one union. Layers come in rising order; a layer not above
 * the last one begins a pass, and a layer may be left out. Events without an expert are compared with nothing.
 *
 * Sets and the passes of each expert are bit rows: of fixed size, and compared without searching.
 */
export class RoutingHistory {
  /** The present pass, from 0; -1 before the first. */
  pass = -1;
  /** Likeness of the nearest pass, 0..1.5; 0 before `findNearest` found one. */
  likeness = 0;
  private lastLayer = Number.POSITIVE_INFINITY;
  private readonly setWords: number;
  /** Bit per expert [layers, WINDOW, setWords]. */
  private readonly sets: Int32Array;
  /** Bit per pass [layers, experts, WORDS]. */
  private readonly usedIn: Int32Array;
  private readonly seen: Int32Array;
  /** By place of the pass [WINDOW]: choices in common, weighted by nearness of the layer; all alike; those of the last pass. */
  private readonly common: Float64Array;
  private inCommon: Float64Array;
  private inCommonBefore: Float64Array;
  /** What `common` and `inCommon` would be for an equal pass. */
  private most = 0;
  private mostInCommon = 0;
  private mostBefore = 0;
  private readonly near = new Float64Array(WINDOW);
  private nearTotal = 0;
  private readonly bins = new Int32Array(BINS);

  constructor(
    private readonly layers: number,
    private readonly experts: number,
  ) {
    this.setWords = Math.ceil(experts / 32);
    this.sets = new Int32Array(layers * WINDOW * this.setWords);
    this.usedIn = new Int32Array(layers * experts * WORDS);
    this.seen = new Int32Array(layers);
    this.common = new Float64Array(WINDOW);
    this.inCommon = new Float64Array(WINDOW);
    this.inCommonBefore = new Float64Array(WINDOW);
  }

  /** Events of a layer so far. */
  events(layer: number): number {
    return this.seen[layer] as number;
  }

  /**
   * Takes an event: the experts that a layer of the present pass uses.
   * @param event its number, from 1: caches of several sizes share one history, and the first of them to come tells it
   */
  observe(layer: number, active: ArrayLike<number>, count: number, event: number): void {
    if (event <= (this.seen[layer] as number)) return;
    this.seen[layer] = event;
    this.enter(layer);
    if (count > 0) this.compare(layer, active, count);
    this.remember(layer, active, count);
    this.lastLayer = layer;
  }

  /** Whether the present pass has been to a layer. */
  has(layer: number): boolean {
    return layer <= this.lastLayer;
  }

  /** The present pass is about to come to `layer`: begins the next one where it has been there. */
  enter(layer: number): void {
    if (layer > this.lastLayer) return;
    this.pass++;
    this.lastLayer = -1;
    [this.inCommon, this.inCommonBefore] = [this.inCommonBefore, this.inCommon];
    this.mostBefore = this.mostInCommon;
    this.common.fill(0);
    this.inCommon.fill(0);
    this.most = 0;
    this.mostInCommon = 0;
    this.forget(this.pass & MASK);
  }

  /** What a layer used in the pass before, ascending, into the first places of `into`; returns their number. */
  lastSet(layer: number, into: Int32Array): number {
    const { setWords, sets } = this;
    const from = (layer * WINDOW + ((this.pass - 1) & MASK)) * setWords;
    let count = 0;
    for (let word = 0; word < setWords; word++) {
      for (let bits = sets[from + word] as number; bits !== 0; bits &= bits - 1) {
        into[count++] = word * 32 + 31 - Math.clz32(bits & -bits);
      }
    }
    return count;
  }

  /** Weighs the passes most like the present one, as far as it has come. @returns whether there are any */
  findNearest(): boolean {
    const { pass, near, common, inCommonBefore } = this;
    const first = Math.max(0, pass - MASK);
    this.likeness = 0;
    this.nearTotal = 0;
    if (pass <= 0) return false;
    const scale = this.most === 0 ? 0 : 1 / this.most;
    const scaleBefore = this.mostBefore === 0 ? 0 : BEFORE / this.mostBefore;
    let likeness = 0;
    for (let past = first; past < pass; past++) {
      const at = past & MASK;
      let value = (common[at] as number) * scale;
      if (past > 0) value += (inCommonBefore[(past - 1) & MASK] as number) * scaleBefore;
      near[at] = value;
      if (value > likeness) likeness = value;
    }
    const least = pass - first > NEAREST ? this.threshold(first, likeness) : Number.NEGATIVE_INFINITY;
    let total = 0;
    for (let past = first; past < pass; past++) {
      const at = past & MASK;
      const value = near[at] as number;
      const weight = value < least ? 0 : Math.exp(SHARPNESS * (value - likeness));
      near[at] = weight;
      total += weight;
    }
    this.likeness = likeness;
    this.nearTotal = total;
    return true;
  }

  /** Expected use of each expert in the next passes, by what followed the nearest ones, soonest counted most [experts]. */
  expectUse(layer: number, into: Float64Array): void {
    const { pass, near } = this;
    into.fill(0);
    if (this.nearTotal === 0) return;
    const scale = (1 - USE_DECAY) / this.nearTotal;
    let weight = 0;
    for (let past = Math.max(0, pass - MASK) + 1; past <= pass; past++) {
      weight = USE_DECAY * weight + (near[(past - 1) & MASK] as number);
      if (weight * scale >= LEAST_USE) this.addSet(layer, past, weight * scale, into);
    }
  }

  /** Share of the nearest passes' weight that used each expert in `layer`, which the present one has yet to reach [experts]. */
  vote(layer: number, into: Float64Array): void {
    const { pass, near } = this;
    into.fill(0);
    if (this.nearTotal === 0) return;
    for (let past = Math.max(0, pass - MASK); past < pass; past++) {
      const weight = near[past & MASK] as number;
      if (weight > 0) this.addSet(layer, past, weight / this.nearTotal, into);
    }
  }

  private addSet(layer: number, past: number, weight: number, into: Float64Array): void {
    const { setWords, sets } = this;
    const from = (layer * WINDOW + (past & MASK)) * setWords;
    for (let word = 0; word < setWords; word++) {
      for (let bits = sets[from + word] as number; bits !== 0; bits &= bits - 1) {
        const expert = word * 32 + 31 - Math.clz32(bits & -bits);
        into[expert] = (into[expert] as number) + weight;
      }
    }
  }

  /** A value that about NEAREST of the passes reach: bins instead of a sort. */
  private threshold(first: number, likeness: number): number {
    const { bins, near, pass } = this;
    const scale = (BINS - 0.1) / (likeness + 1e-9);
    bins.fill(0);
    for (let past = first; past < pass; past++) {
      const bin = Math.floor((likeness - (near[past & MASK] as number)) * scale);
      bins[bin] = (bins[bin] as number) + 1;
    }
    let bin = 0;
    let count = bins[0] as number;
    while (bin < BINS - 1 && count < NEAREST) count += bins[++bin] as number;
    return likeness - (bin + 1) / scale;
  }

  private compare(layer: number, active: ArrayLike<number>, count: number): void {
    const { common, inCommon, usedIn, experts } = this;
    for (let at = 0; at < WINDOW; at++) common[at] = (common[at] as number) * LAYER_DECAY;
    this.most = this.most * LAYER_DECAY + count;
    this.mostInCommon += count;
    for (let i = 0; i < count; i++) {
      const from = (layer * experts + (active[i] as number)) * WORDS;
      for (let word = 0; word < WORDS; word++) {
        for (let bits = usedIn[from + word] as number; bits !== 0; bits &= bits - 1) {
          const at = word * 32 + 31 - Math.clz32(bits & -bits);
          common[at] = (common[at] as number) + 1;
          inCommon[at] = (inCommon[at] as number) + 1;
        }
      }
    }
  }

  private remember(layer: number, active: ArrayLike<number>, count: number): void {
    const { sets, setWords, usedIn, experts } = this;
    const place = this.pass & MASK;
    const from = (layer * WINDOW + place) * setWords;
    const bit = 1 << (place & 31);
    for (let i = 0; i < count; i++) {
      const expert = active[i] as number;
      const at = (layer * experts + expert) * WORDS + (place >> 5);
      usedIn[at] = (usedIn[at] as number) | bit;
      const setAt = from + (expert >> 5);
      sets[setAt] = (sets[setAt] as number) | (1 << (expert & 31));
    }
  }

  /** Frees the place of the pass that leaves the window. */
  private forget(place: number): void {
    const { layers, sets, setWords, usedIn, experts } = this;
    const keep = ~(1 << (place & 31));
    for (let layer = 0; layer < layers; layer++) {
      const from = (layer * WINDOW + place) * setWords;
      for (let word = 0; word < setWords; word++) {
        for (let bits = sets[from + word] as number; bits !== 0; bits &= bits - 1) {
          const expert = word * 32 + 31 - Math.clz32(bits & -bits);
          const at = (layer * experts + expert) * WORDS + (place >> 5);
          usedIn[at] = (usedIn[at] as number) & keep;
        }
        sets[from + word] = 0;
      }
    }
  }
}
