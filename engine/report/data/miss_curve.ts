import type { RunRecording } from '../../protocol/run_recording.ts';
import { curveSizes, MissCurveReplay } from '../../replay/miss_curve.ts';
import { toTimeline, toTrace } from '../recording.ts';

/** Sizes on the curve at most, and the newest steps it is about: bounds the replay to about a second for large models. */
const MOST_SIZES = 24;
const MOST_STEPS = 256;
/** Steps replayed before those, so that the caches do not start empty. */
const WARM_UP_STEPS = 256;

/** Miss rate against cache size for the run's newest steps, under the settings in force at its end. */
export interface MissCurve {
  readonly fromStep: number;
  readonly toStep: number;
  readonly eviction: string;
  /** Slots per layer and device, ascending. */
  readonly slots: readonly number[];
  /** Replayed. */
  readonly missRate: readonly number[];
  /** Counted by the live caches over the same steps. */
  readonly measured: { readonly slots: number; readonly missRate: number };
  /** Mean distinct experts that a step needs of a layer and device. */
  readonly workingSet: number;
}

/** @returns undefined where no step ran under the last settings, or none asked for an expert */
export function missCurve(recording: RunRecording): MissCurve | undefined {
  const { header, steps } = recording;
  const change = toTimeline(recording).changes.at(-1);
  if (change === undefined) return undefined;
  const fromStep = Math.max(change.atStep, steps.length - MOST_STEPS);
  const covered = steps.length - fromStep;
  if (covered < 1) return undefined;
  const { placement, eviction, slotsPerLayer } = change;
  const largest = largestShare(placement.deviceOf, placement.devices);
  const live = Math.min(slotsPerLayer, largest);
  const sizes = Int32Array.from(new Set([...curveSizes(largest, MOST_SIZES), live])).sort();
  const replay = new MissCurveReplay(header.moeLayers, header.experts, placement, eviction, sizes, covered);
  const trace = toTrace(recording);
  for (let step = Math.max(0, fromStep - WARM_UP_STEPS); step < steps.length; step++) replay.step(trace, step);
  const { slots, missRate, workingSet } = replay.read();

  let hits = 0;
  let misses = 0;
  for (const { cache } of steps.slice(fromStep)) {
    for (let at = 0; at < cache.length; at += 4) {
      hits += cache[at] as number;
      misses += cache[at + 1] as number;
    }
  }
  if (hits + misses === 0) return undefined;
  const measured = { slots: live, missRate: misses / (hits + misses) };
  return { fromStep, toStep: steps.length, eviction, slots: [...slots], missRate: [...missRate], measured, workingSet };
}

/** Most experts of a layer that one device owns. */
function largestShare(deviceOf: readonly Uint8Array[], devices: number): number {
  let largest = 1;
  for (const owners of deviceOf) {
    const owned = new Int32Array(devices);
    for (const device of owners) {
      const count = (owned[device] ?? 0) + 1;
      owned[device] = count;
      largest = Math.max(largest, count);
    }
  }
  return largest;
}
