/** Value below which `share` of the values lie; NaN of none. */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Array.from(values).sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

export const median = (values: ArrayLike<number>): number => quantile(values, 0.5);

/**
 * Takes one sample of every variant in turn, A B A B: what else the machine does meanwhile then falls on all of them. The first round
 * is thrown away where `warmUp` (code not yet compiled, files not yet in memory).
 * @returns samples by variant, in the order of the rounds
 */
export async function interleave<K extends string>(
  variants: Readonly<Record<K, () => number | Promise<number>>>,
  { rounds, warmUp }: { readonly rounds: number; readonly warmUp: boolean },
): Promise<Record<K, number[]>> {
  const names = Object.keys(variants) as K[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<K, number[]>;
  for (let round = warmUp ? -1 : 0; round < rounds; round++) {
    for (const name of names) {
      const sample = await variants[name]();
      if (round >= 0) samples[name].push(sample);
    }
  }
  return samples;
}

/** Median over rounds of b / a: what a round's two samples share drops out. */
export const pairedRatio = (b: readonly number[], a: readonly number[]): number =>
  median(b.map((value, round) => value / (a[round] ?? Number.NaN)));

/** Milliseconds that `work` takes. */
export async function timed(work: () => unknown): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** Does not keep the process alive by itself. */
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
