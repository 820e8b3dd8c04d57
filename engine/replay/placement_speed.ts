import type { Placement } from '../balancing/placement.ts';

/** What a run took for a step, mean of its scored half, the slowest device's times. Measured. */
export interface MeasuredPace {
  /** In force at the end of the run. */
  readonly placement: Placement;
  readonly newTokensPerStep: number;
  readonly expertsMs: number;
  readonly exchangeMs: number;
  /** Attention, router, reordering, combination, head and the rest. */
  readonly otherMs: number;
  /** Of one load; undefined where the run loaded too little to say. */
  readonly loadMs: number | undefined;
}

/** What a placement makes of a step, replayed. */
export interface PlacedStep {
  readonly devices: number;
  readonly avgMaxLoad: number;
  /** Mean, the device that misses most. */
  readonly missesPerStep: number;
}

/**
 * Tokens/s at which the run would go under another placement. Projected: experts take as long as the busiest device's share of the
 * rows says, against that share under the run's own placement, over the same batches; what each device does for its own sequences
 * is divided among the devices; exchange takes what it took; each miss costs a load.
 * @param ownAvgMaxLoad Avg Max Load of the run's own placement
 */
export function projectTokensPerSecond(pace: MeasuredPace, ownAvgMaxLoad: number, step: PlacedStep): number {
  const { placement, newTokensPerStep, expertsMs, exchangeMs, otherMs, loadMs = 0 } = pace;
  const stepMs =
    (otherMs * placement.devices) / step.devices +
    (expertsMs * step.avgMaxLoad) / ownAvgMaxLoad +
    exchangeMs +
    step.missesPerStep * loadMs;
  return (1000 * newTokensPerStep) / stepMs;
}

/** How, in words, with what is left out. */
export function projectionSays({ placement, loadMs }: MeasuredPace, slots: number): string {
  const misses =
    loadMs === undefined
      ? 'misses are left out, since the run loaded too few experts to time'
      : `misses with ${slots} slots at the measured time of a load`;
  const exchange =
    placement.devices === 1 ? 'exchange is left out, since the run had one device' : 'exchange as measured';
  return `Tokens/s are projected from the run's measured steps: experts by Avg Max Load, the other work shared by the devices, ${exchange}, ${misses}.`;
}
