import type { LoadHistory, Placement } from './placement.ts';

export interface PlacementScore {
  /** Largest share of a layer's tokens that any device ever got: stands for running out of memory (paper, Max Load). */
  readonly maxLoad: number;
  /** Mean over batches and layers of the largest share: stands for speed (paper, Avg Max Load). */
  readonly avgMaxLoad: number;
  /** Mean share by device [devices]. */
  readonly meanShare: Float64Array;
}

/** Scores one layer of a placement, or all. Batches in which a layer got no token are left out. */
export function scorePlacement(history: LoadHistory, placement: Placement, layer?: number): PlacementScore {
  const { layers, experts, batches, counts } = history;
  const share = new Float64Array(placement.devices);
  const meanShare = new Float64Array(placement.devices);
  let maxLoad = 0;
  let sum = 0;
  let scored = 0;
  for (let batch = 0; batch < batches; batch++) {
    for (let l = layer ?? 0; l < (layer === undefined ? layers : layer + 1); l++) {
      const row = placement.deviceOf[l] as Uint8Array;
      const from = (batch * layers + l) * experts;
      share.fill(0);
      let total = 0;
      for (let expert = 0; expert < experts; expert++) {
        const tokens = counts[from + expert] as number;
        share[row[expert] as number] = (share[row[expert] as number] as number) + tokens;
        total += tokens;
      }
      if (total === 0) continue;
      let largest = 0;
      for (let device = 0; device < share.length; device++) {
        const part = (share[device] as number) / total;
        meanShare[device] = (meanShare[device] as number) + part;
        if (part > largest) largest = part;
      }
      if (largest > maxLoad) maxLoad = largest;
      sum += largest;
      scored++;
    }
  }
  for (let device = 0; device < meanShare.length; device++) {
    meanShare[device] = (meanShare[device] as number) / Math.max(1, scored);
  }
  return { maxLoad, avgMaxLoad: sum / Math.max(1, scored), meanShare };
}
