import { CATEGORY_COUNT, type StepProfile } from '../../../engine/protocol/telemetry.ts';
import type { Points } from '../../stores/buckets.ts';

const GATING = 5;
const EXECUTION = 6;

export interface ProfileRise {
  /** Sum of each category's lowest value: what is held throughout the step. */
  readonly floorBytes: number;
  /** Highest total above the floor, and when, ms since the step began. */
  readonly riseBytes: number;
  readonly peakMs: number;
  /** Highest rise of the two categories that only exist within a step. */
  readonly gatingBytes: number;
  readonly executionBytes: number;
}

const at = (profile: StepProfile, sample: number, category: number): number =>
  profile.bytes[sample * CATEGORY_COUNT + category] ?? 0;

function floors(profile: StepProfile): readonly number[] {
  return Array.from({ length: CATEGORY_COUNT }, (_, category) => {
    let lowest = Number.POSITIVE_INFINITY;
    for (let sample = 0; sample < profile.atMs.length; sample++)
      lowest = Math.min(lowest, at(profile, sample, category));
    return Number.isFinite(lowest) ? lowest : 0;
  });
}

export function profileRise(profile: StepProfile): ProfileRise {
  const floor = floors(profile);
  const floorBytes = floor.reduce((sum, bytes) => sum + bytes, 0);
  let riseBytes = 0;
  let peakMs = 0;
  let gatingBytes = 0;
  let executionBytes = 0;
  profile.atMs.forEach((ms, sample) => {
    let total = 0;
    for (let category = 0; category < CATEGORY_COUNT; category++) total += at(profile, sample, category);
    if (total - floorBytes > riseBytes) {
      riseBytes = total - floorBytes;
      peakMs = ms;
    }
    gatingBytes = Math.max(gatingBytes, at(profile, sample, GATING) - (floor[GATING] ?? 0));
    executionBytes = Math.max(executionBytes, at(profile, sample, EXECUTION) - (floor[EXECUTION] ?? 0));
  });
  return { floorBytes, riseBytes, peakMs, gatingBytes, executionBytes };
}

/** The curves of the zoom into one step: each category above its own lowest value, x in ms. What never moves is not drawn. */
export function profileCurves(profile: StepProfile): readonly Points[] {
  const floor = floors(profile);
  return floor.map((lowest, category) => {
    const points = new Float64Array(profile.atMs.length * 2);
    profile.atMs.forEach((ms, sample) => {
      points[sample * 2] = ms;
      points[sample * 2 + 1] = at(profile, sample, category) - lowest;
    });
    return points;
  });
}
