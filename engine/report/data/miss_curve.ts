import { mostHeld } from '../../balancing/placement.ts';
import type { RecordedStep, RunRecording } from '../../protocol/run_recording.ts';
import { curveSizes } from '../../replay/miss_curve.ts';
import { type CacheChange, CacheReplay } from '../../replay/replay_cache.ts';
import type { RoutingTrace } from '../../trace/trace.ts';
import { toTimeline, toTrace } from '../recording.ts';

/** Sizes on the curve at most, and the newest steps it is about. */
const MOST_SIZES = 24;
const MOST_STEPS = 256;
/** Requests replayed for all sizes together: about a second. A longer run is replayed from a later step on. */
const MOST_REQUESTS = 20_000_000;

/**
 * Miss rate against cache size for the run's newest steps: what the caches would have missed, had the last change of settings
 * set this size. Before that change all sizes share the run's own history, so the live size gives the live count.
 */
export interface MissCurve {
  readonly fromStep: number;
  readonly toStep: number;
  readonly eviction: string;
  /** Slots per layer and device, ascending; the live size is among them. */
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
  const { changes } = toTimeline(recording);
  const last = changes.at(-1);
  if (last === undefined) return undefined;
  const fromStep = Math.max(last.atStep, steps.length - MOST_STEPS);
  const measured = countMeasured(steps.slice(fromStep));
  if (measured.requests === 0) return undefined;

  const largest = mostHeld(last.placement);
  const live = Math.min(last.slotsPerLayer, largest);
  const slots = [...new Set([...curveSizes(largest, MOST_SIZES), live])].sort((a, b) => a - b);
  const toStep = steps.length;
  const requestsPerStep = measured.requests / (toStep - fromStep);
  const replayedSteps = Math.floor(MOST_REQUESTS / (slots.length * requestsPerStep));
  const startStep = Math.max(0, Math.min(fromStep, toStep - replayedSteps));
  const trace = toTrace(recording);
  return {
    fromStep,
    toStep,
    eviction: last.eviction,
    slots,
    missRate: slots.map((size) => {
      const resized = [...changes.slice(0, -1), { ...last, slotsPerLayer: size }];
      return replayedMisses(trace, resized, startStep, fromStep) / measured.requests;
    }),
    measured: { slots: live, missRate: measured.misses / measured.requests },
    workingSet: requestsPerStep / header.moeLayers / header.devices.length,
  };
}

/** Misses of the steps from `fromStep` on, the caches having run since `startStep`. */
function replayedMisses(
  trace: RoutingTrace,
  changes: readonly CacheChange[],
  startStep: number,
  fromStep: number,
): number {
  const replay = new CacheReplay(trace.moeLayers, trace.experts);
  const inForce = changes.filter(({ atStep }) => atStep <= startStep);
  // A later start takes the settings then in force, without the history that led to them.
  for (const change of startStep === 0 ? inForce : inForce.slice(-1)) replay.apply(change);
  let before = 0;
  for (let step = startStep; step < trace.steps; step++) {
    if (step > startStep) for (const change of changes) if (change.atStep === step) replay.apply(change);
    if (step === fromStep) before = replay.totals.misses;
    replay.step(trace, step);
  }
  return replay.totals.misses - before;
}

function countMeasured(steps: readonly RecordedStep[]): { requests: number; misses: number } {
  let hits = 0;
  let misses = 0;
  for (const { cache } of steps) {
    for (let at = 0; at < cache.length; at += 4) {
      hits += cache[at] as number;
      misses += cache[at + 1] as number;
    }
  }
  return { requests: hits + misses, misses };
}
