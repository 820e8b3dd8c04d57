import type { LoadHistory, Placement } from './placement.ts';
import { RowSplit } from './split.ts';

export interface PlacementScore {
  /** Largest share of a layer's tokens that any device ever got: stands for running out of memory (paper, Max Load). */
  readonly maxLoad: number;
  /** Mean over batches and layers of the largest share: stands for speed (paper, Avg Max Load). */
  readonly avgMaxLoad: number;
  /** Mean share by device [devices]. */
  readonly meanShare: Float64Array;
  /** Largest share by batch, mean over its layers; NaN for a batch without tokens [batches]. */
  readonly largestShare: Float64Array;
}

/**
 * Scores one layer of a placement, or all, with rows divided over copies as the engine divides them. Batches in which a layer
 * got no token are left out.
 */
export function scorePlacement(history: LoadHistory, placement: Placement, layer?: number): PlacementScore {
  const { layers, experts, batches, counts } = history;
  const { devices } = placement;
  const first = layer ?? 0;
  const end = layer === undefined ? layers : layer + 1;
  const splits = placement.layers.slice(first, end).map((row) => new RowSplit(row, devices, placement.split));
  const load = new Float64Array(devices);
  const meanShare = new Float64Array(devices);
  const largestShare = new Float64Array(batches);
  let maxLoad = 0;
  let sum = 0;
  let scored = 0;
  for (let batch = 0; batch < batches; batch++) {
    let batchSum = 0;
    let batchLayers = 0;
    for (let l = first; l < end; l++) {
      const from = (batch * layers + l) * experts;
      const tokens = counts.subarray(from, from + experts);
      let total = 0;
      for (let expert = 0; expert < experts; expert++) total += tokens[expert] as number;
      if (total === 0) continue;
      const split = splits[l - first] as RowSplit;
      const { deviceOf } = placement.layers[l] as Placement['layers'][number];
      split.divide(tokens);
      load.fill(0);
      for (let copy = 0; copy < deviceOf.length; copy++) {
        const device = deviceOf[copy] as number;
        load[device] = (load[device] as number) + (split.rows[copy] as number);
      }
      let largest = 0;
      for (let device = 0; device < devices; device++) {
        const part = (load[device] as number) / total;
        meanShare[device] = (meanShare[device] as number) + part;
        if (part > largest) largest = part;
      }
      if (largest > maxLoad) maxLoad = largest;
      batchSum += largest;
      batchLayers++;
    }
    largestShare[batch] = batchSum / batchLayers;
    sum += batchSum;
    scored += batchLayers;
  }
  for (let device = 0; device < devices; device++) {
    meanShare[device] = (meanShare[device] as number) / Math.max(1, scored);
  }
  return { maxLoad, avgMaxLoad: sum / Math.max(1, scored), meanShare, largestShare };
}
