import type { Sampling } from '../protocol/settings.ts';
import { Likeliest } from './likeliest.ts';

/**
 * Next token from logits, in the order of the usual engines: repetition penalty, temperature, top-k, then top-p of what is left.
 * Temperature 0 takes the largest (lowest id among equals). The random number depends only on seed, sequence and position: the
 * same text however sequences are batched or placed.
 */
export class Sampler {
  private readonly likeliest = new Likeliest();

  /**
   * @param logits of one token [vocab]; changed in place where repetition is penalised
   * @param seen tokens of the sequence so far; needed for the penalty only
   */
  sample(
    logits: Float32Array,
    { temperature, topK, topP, repetitionPenalty, seed }: Sampling,
    seen: Iterable<number>,
    sequence: number,
    position: number,
  ): number {
    if (repetitionPenalty !== 1) penalise(logits, seen, repetitionPenalty);
    if (temperature === 0) return argmax(logits);
    const { likeliest } = this;
    const count = likeliest.collect(logits, temperature, topK, topP);
    let rest = random(seed, sequence, position) * likeliest.mass;
    for (let i = 0; i < count; i++) {
      rest -= likeliest.weights[i] as number;
      if (rest < 0) return likeliest.ids[i] as number;
    }
    return likeliest.ids[count - 1] as number;
  }
}

/** Every token of the sequence once: positive logits divided, negative ones multiplied (Keskar and others, CTRL, section 4.1). */
function penalise(logits: Float32Array, seen: Iterable<number>, penalty: number): void {
  for (const id of seen) {
    const logit = logits[id] as number;
    logits[id] = logit > 0 ? logit / penalty : logit * penalty;
  }
}

function argmax(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if ((logits[id] as number) > (logits[best] as number)) best = id;
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
