/** Points on a time chart: about two pixels each at the report's width. */
export const MOST_POINTS = 240;

/** Steps [from, to) that one point stands for. */
export interface Bucket {
  readonly from: number;
  readonly to: number;
}

/** Cuts `steps` into at most `most` runs of nearly equal length; each step is in exactly one. */
export function bucketSteps(steps: number, most = MOST_POINTS): Bucket[] {
  const count = Math.min(steps, most);
  const edge = (index: number) => Math.round((index * steps) / count);
  return Array.from({ length: count }, (_, index) => ({ from: edge(index), to: edge(index + 1) }));
}

/** Sum of `value` over the steps of a bucket. */
export function sumOver({ from, to }: Bucket, value: (step: number) => number): number {
  let sum = 0;
  for (let step = from; step < to; step++) sum += value(step);
  return sum;
}

/** Value below which `share` of the numbers lie (nearest rank); NaN for none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return values.length === 0 ? Number.NaN : sum / values.length;
}
