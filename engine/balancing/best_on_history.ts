import { contiguous, type LoadHistory, type Placement, singleCopies } from './placement.ts';
import { type PlacementScore, scorePlacement } from './score.ts';

/** Lower Avg Max Load, or the same and lower Max Load. */
function isBetter(score: PlacementScore, than: PlacementScore): boolean {
  return score.avgMaxLoad < than.avgMaxLoad || (score.avgMaxLoad === than.avgMaxLoad && score.maxLoad < than.maxLoad);
}

/**
 * Per layer the given placement, or contiguous where that is as good on the history. On a real history every method can be
 * worse than doing nothing: means say nothing about bursts, and pairwise measures nothing about what the largest device does.
 */
export function orContiguous(history: LoadHistory, placement: Placement): Placement {
  const plain = contiguous(history.layers, history.experts, placement.devices);
  const layers = plain.layers.map((row, layer) => {
    const before = scorePlacement(history, plain, layer);
    const after = scorePlacement(history, placement, layer);
    return isBetter(after, before) ? (placement.layers[layer] as Placement['layers'][number]) : row;
  });
  return { ...placement, layers };
}

/** A placement of single copies made layer by layer, with contiguous as a candidate for each. */
export function placeLayers(
  history: LoadHistory,
  devices: number,
  placeLayer: (layer: number) => Uint8Array,
): Placement {
  const deviceOf = Array.from({ length: history.layers }, (_, layer) => placeLayer(layer));
  return orContiguous(history, singleCopies(devices, deviceOf));
}
