import { keepDevices } from '../balancing/keep_devices.ts';
import { type PlaceShape, place } from '../balancing/place.ts';
import { contiguous, isHeld, type LayerPlacement, type Placement } from '../balancing/placement.ts';
import type { RunSettings } from '../protocol/settings.ts';
import { loadHistory } from '../replay/load_history.ts';
import type { RoutingTrace } from '../trace/trace.ts';

/** A placement from history needs some: until then contiguous is in force. */
export const HISTORY_STEPS = 32;
/** Steps of history that a placement looks at. */
const MOST_HISTORY_STEPS = 256;

type Wanted = Pick<RunSettings, 'placement' | 'rebalanceEvery'>;

/** Where a run's experts stand: from the run's own history, and anew from it every so many steps. */
export class LivePlacement {
  current: Placement;
  /** Steps of history behind `current`; 0 for contiguous and as long as there were too few. */
  historySteps = 0;
  private placedAt = 0;

  constructor(
    private readonly trace: RoutingTrace,
    private readonly shape: PlaceShape,
  ) {
    this.current = contiguous(shape.layers, shape.experts, shape.devices);
  }

  /** Whether experts are to be placed anew at this step boundary though no setting changed. */
  isDue({ placement, rebalanceEvery }: Wanted, atStep: number): boolean {
    if (placement === 'contiguous' || this.shape.devices === 1 || atStep < HISTORY_STEPS) return false;
    if (this.historySteps === 0) return true;
    return rebalanceEvery > 0 && atStep - this.placedAt >= rebalanceEvery;
  }

  /**
   * Places by the newest steps of the trace. Where that changes nothing, `current` is the same object as before.
   * @returns copies that are now on a device which had none of their expert: what must be loaded there
   */
  renew({ placement }: Wanted, atStep: number): number {
    const { steps } = this.trace;
    const before = this.current;
    const known = placement !== 'contiguous' && steps >= HISTORY_STEPS;
    this.historySteps = known ? Math.min(steps, MOST_HISTORY_STEPS) : 0;
    const history = known ? loadHistory(this.trace, steps - this.historySteps, steps) : undefined;
    const after = keepDevices(place(placement, history, this.shape), before);
    this.placedAt = atStep;
    const moved = movedCopies(before, after);
    if (!isSame(before, after)) this.current = after;
    return moved;
  }
}

function isSame(a: Placement, b: Placement): boolean {
  const equal = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    x.length === y.length && Array.prototype.every.call(x, (value, at) => value === y[at]);
  return (
    a.split === b.split &&
    a.layers.every(({ firstCopy, deviceOf }, index) => {
      const other = b.layers[index] as LayerPlacement;
      return equal(firstCopy, other.firstCopy) && equal(deviceOf, other.deviceOf);
    })
  );
}

/** Pairs of expert and device that are new, over all layers. */
export function movedCopies(before: Placement, after: Placement): number {
  let moved = 0;
  for (const [index, { firstCopy, deviceOf }] of after.layers.entries()) {
    const was = before.layers[index] as LayerPlacement;
    for (let expert = 0; expert < firstCopy.length - 1; expert++) {
      const end = firstCopy[expert + 1] as number;
      let last = -1;
      for (let copy = firstCopy[expert] as number; copy < end; copy++) {
        const device = deviceOf[copy] as number;
        if (device !== last && !isHeld(was, expert, device)) moved++;
        last = device;
      }
    }
  }
  return moved;
}
