import { uniform } from '../checkpoint/random_weights.ts';

/** Ids below are special tokens of the synthetic models. */
const FIRST_TOKEN = 4;

/** Mandelbrot's correction of Zipf's law: in subword text the commonest token is about one in 25, not one in 9. */
const SHIFT = 2.7;

/**
 * Token ids as text has them: few are common, most are rare (Zipf-Mandelbrot: the n-th most common in proportion to 1 / (n + 2.7)).
 * A repeated token is routed alike, which makes a batch's hot experts.
 */
export function zipfTokens(vocab: number, seed: number): (count: number) => Int32Array {
  const next = uniform(seed);
  const cumulative = new Float64Array(vocab - FIRST_TOKEN);
  let total = 0;
  for (let rank = 0; rank < cumulative.length; rank++) {
    total += 1 / (rank + 1 + SHIFT);
    cumulative[rank] = total;
  }
  return (count) => Int32Array.from({ length: count }, () => FIRST_TOKEN + firstAbove(cumulative, next() * total));
}

function firstAbove(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] as number) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
