/** Up to here a list kept in order while the vocabulary is read once beats looking for a threshold. */
const MOST_INSERTED = 128;
/** exp(-SPAN) of the largest weight: where the search for a threshold begins, and by what it widens. */
const SPAN = 16;

/**
 * The tokens that may be sampled, likeliest first, with their weights: exp((logit - largest) / temperature).
 * Never sorts the vocabulary: either the best k are kept in order while it is read, or a threshold is lowered until what lies
 * above it is enough, and only that is sorted.
 */
export class Likeliest {
  ids = new Int32Array(MOST_INSERTED);
  /** Logits while collecting. */
  weights = new Float64Array(MOST_INSERTED);
  /** Sum of the weights. */
  mass = 0;

  /**
   * @param topK most tokens; 0 for all
   * @param topP the fewest likeliest tokens that have this share of what top-k leaves
   * @returns how many of `ids` and `weights` hold
   */
  collect(logits: Float32Array, temperature: number, topK: number, topP: number): number {
    const most = topK === 0 ? logits.length : Math.min(topK, logits.length);
    if (most === logits.length && topP >= 1) return this.weigh(this.every(logits), temperature);
    const few = most <= MOST_INSERTED;
    const count = this.weigh(
      few ? this.insert(logits, most) : this.above(logits, temperature, most, topP),
      temperature,
    );
    return topP < 1 ? this.cut(count, topP * (most === logits.length && !few ? this.total : this.mass)) : count;
  }

  /** Weight of the whole vocabulary, where a threshold was looked for. */
  private total = 0;

  /** Logits become weights. */
  private weigh(count: number, temperature: number): number {
    let largest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) largest = Math.max(largest, this.weights[i] as number);
    this.mass = 0;
    for (let i = 0; i < count; i++) {
      const weight = Math.exp(((this.weights[i] as number) - largest) / temperature);
      this.weights[i] = weight;
      this.mass += weight;
    }
    return count;
  }

  /** Keeps the first tokens that together weigh `wanted`. */
  private cut(count: number, wanted: number): number {
    this.mass = 0;
    for (let i = 0; i < count; i++) {
      this.mass += this.weights[i] as number;
      if (this.mass >= wanted) return i + 1;
    }
    return count;
  }

  /** In the order of ids: where nothing is left out, order does not matter. */
  private every(logits: Float32Array): number {
    this.makeRoom(logits.length);
    for (let id = 0; id < logits.length; id++) {
      this.ids[id] = id;
      this.weights[id] = logits[id] as number;
    }
    return logits.length;
  }

  private makeRoom(count: number): void {
    if (this.ids.length >= count) return;
    this.ids = new Int32Array(count);
    this.weights = new Float64Array(count);
  }

  private insert(logits: Float32Array, most: number): number {
    const { ids, weights } = this;
    let count = 0;
    for (let id = 0; id < logits.length; id++) {
      const logit = logits[id] as number;
      if (count === most && !(logit > (weights[count - 1] as number))) continue;
      let slot = count < most ? count++ : count - 1;
      while (slot > 0 && logit > (weights[slot - 1] as number)) {
        weights[slot] = weights[slot - 1] as number;
        ids[slot] = ids[slot - 1] as number;
        slot--;
      }
      weights[slot] = logit;
      ids[slot] = id;
    }
    return count;
  }

  /** Tokens above the highest threshold that leaves enough of them, sorted and cut at `most`. */
  private above(logits: Float32Array, temperature: number, most: number, topP: number): number {
    let largest = Number.NEGATIVE_INFINITY;
    for (const logit of logits) if (logit > largest) largest = logit;
    this.total = 0;
    for (const logit of logits) this.total += Math.exp((logit - largest) / temperature);
    const all = most >= logits.length;
    for (let span = SPAN; ; span *= 4) {
      const threshold = largest - span * temperature;
      let count = 0;
      let mass = 0;
      for (const logit of logits) {
        if (logit < threshold) continue;
        count++;
        mass += Math.exp((logit - largest) / temperature);
      }
      const enough = all ? topP < 1 && mass >= topP * this.total : count >= most;
      if (enough || count === logits.length || threshold === Number.NEGATIVE_INFINITY)
        return this.sorted(logits, threshold, count, most);
    }
  }

  private sorted(logits: Float32Array, threshold: number, count: number, most: number): number {
    const found = new Int32Array(count);
    let at = 0;
    for (let id = 0; id < logits.length; id++) if ((logits[id] as number) >= threshold) found[at++] = id;
    found.sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b);
    const kept = Math.min(count, most);
    this.makeRoom(kept);
    for (let i = 0; i < kept; i++) {
      this.ids[i] = found[i] as number;
      this.weights[i] = logits[found[i] as number] as number;
    }
    return kept;
  }
}
