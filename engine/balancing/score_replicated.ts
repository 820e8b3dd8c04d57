import type { TokenSplit } from './levelling.ts';
import type { LoadHistory } from './placement.ts';
import { copiesOf, type ReplicatedPlacement } from './replicated.ts';
import { type PlacementScore, scoreLoads } from './score.ts';

/** Scores a placement with replicas under a way to divide tokens over copies; one layer, or all. */
export function scoreReplicated(
  history: LoadHistory,
  placement: ReplicatedPlacement,
  split: TokenSplit,
  layer?: number,
): PlacementScore {
  const { devices, slotsPerDevice } = placement;
  const copies = placement.expertOf.map((_, l) => copiesOf(placement, l));
  const perSlot = new Float64Array(devices * slotsPerDevice);
  return scoreLoads(
    history,
    devices,
    (tokens, l, load) => {
      const layerCopies = copies[l];
      if (layerCopies === undefined) throw new RangeError(`the placement has no layer ${l}`);
      split(tokens, layerCopies, perSlot);
      for (let slot = 0; slot < perSlot.length; slot++) {
        const device = Math.floor(slot / slotsPerDevice);
        load[device] = (load[device] as number) + (perSlot[slot] as number);
      }
    },
    layer,
  );
}
