import { uniform } from '../checkpoint/random_weights.ts';

/** Ids below are special tokens of the synthetic models. */
const FIRST_TOKEN = 4;

/**
 * Token ids as text has them: few are common, most are rare (Zipf: the n-th most common has probability 1/n of the first's).
 * A repeated token is routed alike, which is where the hot experts of a batch come from.
 */
export function zipfTokens(vocab: number, seed: number): (count: number) => Int32Array {
  const next = uniform(seed);
  const cumulative = new Float64Array(vocab - FIRST_TOKEN);
  let total = 0;
  for (let rank = 0; rank < cumulative.length; rank++) {
    total += 1 / (rank + 1);
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
