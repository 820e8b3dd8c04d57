import { placeLayers } from './best_on_history.ts';
import { meanShares, shareRows } from './history.ts';
import { packByLoad } from './pack.ts';
import type { LoadHistory, Placement } from './placement.ts';

/**
 * Greedy placement (paper, Load Balancing): experts by falling mean load, each onto the device with the least load so far; a
 * device that holds its E/D experts takes no more. Mean load is the mean over batches of an expert's share of the tokens.
 * Contiguous is a candidate too, per layer.
 */
export function greedy(history: LoadHistory, devices: number): Placement {
  return placeLayers(history, devices, (layer) =>
    packByLoad(meanShares(shareRows(history, layer), history.experts), devices),
  );
}
