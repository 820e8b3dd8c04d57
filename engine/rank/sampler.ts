/** Tokens that can be sampled at a temperature above 0: the likeliest ones, as usual engines' top-k. */
const CANDIDATES = 50;

/**
 * Next token from logits. Temperature 0 takes the largest (lowest id among equals); otherwise one of the likeliest 50, with a
 * random number that depends only on seed, sequence and position: the same text however sequences are batched or placed.
 */
export class Sampler {
  private readonly ids = new Int32Array(CANDIDATES);
  private readonly scores = new Float64Array(CANDIDATES);

  sample(
    logits: Float32Array,
    at: number,
    vocab: number,
    temperature: number,
    seed: number,
    sequence: number,
    position: number,
  ): number {
    if (temperature === 0) return argmax(logits, at, vocab);
    const count = this.collect(logits, at, vocab);
    const largest = this.scores[0] as number;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const weight = Math.exp(((this.scores[i] as number) - largest) / temperature);
      this.scores[i] = weight;
      sum += weight;
    }
    let rest = random(seed, sequence, position) * sum;
    for (let i = 0; i < count; i++) {
      rest -= this.scores[i] as number;
      if (rest < 0) return this.ids[i] as number;
    }
    return this.ids[count - 1] as number;
  }

  /** The largest logits by falling value, into ids and scores. */
  private collect(logits: Float32Array, at: number, vocab: number): number {
    const { ids, scores } = this;
    let count = 0;
    for (let id = 0; id < vocab; id++) {
      const logit = logits[at + id] as number;
      if (count === CANDIDATES && !(logit > (scores[count - 1] as number))) continue;
      let slot = count < CANDIDATES ? count++ : count - 1;
      while (slot > 0 && logit > (scores[slot - 1] as number)) {
        scores[slot] = scores[slot - 1] as number;
        ids[slot] = ids[slot - 1] as number;
        slot--;
      }
      scores[slot] = logit;
      ids[slot] = id;
    }
    return count;
  }
}

function argmax(logits: Float32Array, at: number, vocab: number): number {
  let best = 0;
  for (let id = 1; id < vocab; id++) if ((logits[at + id] as number) > (logits[at + best] as number)) best = id;
  return best;
}

/** Uniform in [0, 1) from three integers: two rounds of a 32-bit finaliser (multiply, xor-shift). */
function random(seed: number, sequence: number, position: number): number {
  let x = (seed ^ Math.imul(sequence + 1, 0x9e3779b1) ^ Math.imul(position + 1, 0x85ebca77)) >>> 0;
  for (let round = 0; round < 2; round++) {
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
    x = (x ^ (x >>> 16)) >>> 0;
  }
  return x / 0x1_0000_0000;
}
