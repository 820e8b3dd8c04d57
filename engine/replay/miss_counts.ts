import type { ActiveSets } from './active_sets.ts';

/** Misses of the scored steps at m sizes. */
export interface MissCounts {
  /** [m] */
  readonly misses: readonly number[];
  /** Mean over the scored steps of the device that missed most [m]. */
  readonly missesPerStep: readonly number[];
  /** All devices together [moeLayers][m]. */
  readonly byLayer: readonly (readonly number[])[];
}

/** Events between two rests. */
const SLICE_EVENTS = 4096;

/** The steps in slices [from, to) of about as many events as one may go on without a rest. */
export function stepSlices({ steps, moeLayers, devices }: ActiveSets): {
  readonly mostSteps: number;
  readonly list: readonly (readonly [number, number])[];
} {
  const mostSteps = Math.max(1, Math.floor(SLICE_EVENTS / (moeLayers * devices)));
  const list = Array.from(
    { length: Math.ceil(steps / mostSteps) },
    (_, slice) => [slice * mostSteps, Math.min(steps, (slice + 1) * mostSteps)] as const,
  );
  return { mostSteps, list };
}

/** Accesses of the scored steps, and the events that have any token. */
export function countAccesses(sets: ActiveSets, scored: Uint8Array): { accesses: number; events: number } {
  const { steps, moeLayers, devices, offsets } = sets;
  let accesses = 0;
  let events = 0;
  for (let step = 0; step < steps; step++) {
    if (scored[step] === 0) continue;
    for (let layer = 0; layer < moeLayers; layer++) {
      const event = (step * moeLayers + layer) * devices;
      const active = (offsets[event + devices] as number) - (offsets[event] as number);
      accesses += active;
      if (active > 0) events += devices;
    }
  }
  return { accesses, events };
}

export function countScored(scored: Uint8Array): number {
  return scored.reduce((sum, one) => sum + one, 0);
}
