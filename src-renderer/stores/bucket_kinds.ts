import { BucketSeries } from './buckets.ts';
import type { RunHistory } from './history.ts';

/** Places of a spread's values. */
export const LOW = 0;
export const MIDDLE = 1;
export const HIGH = 2;

/**
 * A ratio of two per-step counts as [low, middle, high]: the middle is the ratio of the sums (a step without counts weighs
 * nothing), low and high are the extreme steps.
 */
export function ratioSeries(
  history: RunHistory,
  part: (slot: number) => number,
  whole: (slot: number) => number,
): BucketSeries {
  return new BucketSeries(history, 3, (from, to, out) => {
    let sumPart = 0;
    let sumWhole = 0;
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let row = from; row < to; row++) {
      const slot = history.slot(row);
      const whole1 = whole(slot);
      if (whole1 === 0) continue;
      const part1 = part(slot);
      sumPart += part1;
      sumWhole += whole1;
      low = Math.min(low, part1 / whole1);
      high = Math.max(high, part1 / whole1);
    }
    out.set([low, sumPart / sumWhole, high]);
    return sumWhole > 0;
  });
}

/** `width` per-step values, each bucket their means weighted with `weight`. */
export function meanSeries(
  history: RunHistory,
  width: number,
  value: (slot: number, index: number) => number,
  weight: (slot: number) => number,
): BucketSeries {
  return new BucketSeries(history, width, (from, to, out) => {
    let weights = 0;
    for (let row = from; row < to; row++) {
      const slot = history.slot(row);
      const weight1 = weight(slot);
      weights += weight1;
      for (let index = 0; index < width; index++) out[index] = (out[index] ?? 0) + weight1 * value(slot, index);
    }
    for (let index = 0; index < width; index++) out[index] = (out[index] ?? 0) / weights;
    return weights > 0;
  });
}

/**
 * `width` parts that add up, and their total as one value more. Each bucket shows the step with its highest total, whole: a
 * spike is kept, and what is stacked was together in one step, which a highest value per part would not be.
 */
export function stackSeries(
  history: RunHistory,
  width: number,
  part: (slot: number, index: number) => number,
): BucketSeries {
  return new BucketSeries(history, width + 1, (from, to, out) => {
    let highest = Number.NEGATIVE_INFINITY;
    let best = from;
    for (let row = from; row < to; row++) {
      const slot = history.slot(row);
      let total = 0;
      for (let index = 0; index < width; index++) total += part(slot, index);
      if (total > highest) {
        highest = total;
        best = row;
      }
    }
    const slot = history.slot(best);
    for (let index = 0; index < width; index++) out[index] = part(slot, index);
    out[width] = highest;
    return true;
  });
}
