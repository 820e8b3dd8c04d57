import type { LoadHistory, Placement } from './placement.ts';

export interface PlacementScore {
  /** Largest share of a layer's tokens that any device ever got: stands for running out of memory (paper, Max Load). */
  readonly maxLoad: number;
  /** Mean over batches and layers of the largest share: stands for speed (paper, Avg Max Load). */
  readonly avgMaxLoad: number;
  /** Mean share by device [devices]. */
  readonly meanShare: Float64Array;
}

/** Adds the tokens that each device gets of one batch of one layer to `load` [devices], which comes zeroed. */
export type DeviceLoads = (tokens: Uint32Array, layer: number, load: Float64Array) => void;

/** Scores one layer of a placement, or all. Batches in which a layer got no token are left out. */
export function scorePlacement(history: LoadHistory, placement: Placement, layer?: number): PlacementScore {
  return scoreLoads(
    history,
    placement.devices,
    (tokens, l, load) => {
      const row = placement.deviceOf[l] as Uint8Array;
      for (let expert = 0; expert < tokens.length; expert++) {
        const device = row[expert] as number;
        load[device] = (load[device] as number) + (tokens[expert] as number);
      }
    },
    layer,
  );
}

/** Scores whatever decides how a batch's tokens reach the devices; one layer, or all. */
export function scoreLoads(
  history: LoadHistory,
  devices: number,
  deviceLoads: DeviceLoads,
  layer?: number,
): PlacementScore {
  const { layers, experts, batches, counts } = history;
  const load = new Float64Array(devices);
  const meanShare = new Float64Array(devices);
  let maxLoad = 0;
  let sum = 0;
  let scored = 0;
  for (let batch = 0; batch < batches; batch++) {
    for (let l = layer ?? 0; l < (layer === undefined ? layers : layer + 1); l++) {
      const from = (batch * layers + l) * experts;
      const tokens = counts.subarray(from, from + experts);
      let total = 0;
      for (let expert = 0; expert < experts; expert++) total += tokens[expert] as number;
      if (total === 0) continue;
      load.fill(0);
      deviceLoads(tokens, l, load);
      let largest = 0;
      for (let device = 0; device < devices; device++) {
        const part = (load[device] as number) / total;
        meanShare[device] = (meanShare[device] as number) + part;
        if (part > largest) largest = part;
      }
      if (largest > maxLoad) maxLoad = largest;
      sum += largest;
      scored++;
    }
  }
  for (let device = 0; device < devices; device++) {
    meanShare[device] = (meanShare[device] as number) / Math.max(1, scored);
  }
  return { maxLoad, avgMaxLoad: sum / Math.max(1, scored), meanShare };
}
