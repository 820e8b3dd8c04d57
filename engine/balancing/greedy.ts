import { contiguous, deviceCapacity, type LoadHistory, type Placement } from './placement.ts';
import { scorePlacement } from './score.ts';

/**
 * Greedy placement (paper, Load Balancing): experts by falling mean load, each onto the device with the least load so far; a
 * device that holds its E/D experts takes no more. Mean load is the mean over batches of an expert's share of the tokens.
 *
 * On a real history greedy can be worse than doing nothing (means say nothing about bursts), so contiguous is a candidate
 * too: per layer the one with the lower Avg Max Load on the history stays, by Max Load where those are equal.
 */
export function greedy(history: LoadHistory, devices: number): Placement {
  const { layers, experts } = history;
  const plain = contiguous(layers, experts, devices);
  const balanced: Placement = {
    devices,
    deviceOf: plain.deviceOf.map((_, layer) => balanceLayer(meanLoad(history, layer), devices)),
  };
  const deviceOf = plain.deviceOf.map((row, layer) => {
    const before = scorePlacement(history, plain, layer);
    const after = scorePlacement(history, balanced, layer);
    const better =
      after.avgMaxLoad < before.avgMaxLoad ||
      (after.avgMaxLoad === before.avgMaxLoad && after.maxLoad < before.maxLoad);
    return better ? (balanced.deviceOf[layer] as Uint8Array) : row;
  });
  return { devices, deviceOf };
}

function meanLoad({ layers, experts, batches, counts }: LoadHistory, layer: number): Float64Array {
  const mean = new Float64Array(experts);
  for (let batch = 0; batch < batches; batch++) {
    const row = counts.subarray((batch * layers + layer) * experts, (batch * layers + layer + 1) * experts);
    const total = row.reduce((sum, tokens) => sum + tokens, 0);
    if (total === 0) continue;
    for (let expert = 0; expert < experts; expert++) {
      mean[expert] = (mean[expert] as number) + (row[expert] as number) / total / batches;
    }
  }
  return mean;
}

function balanceLayer(load: Float64Array, devices: number): Uint8Array {
  const experts = load.length;
  const order = Array.from({ length: experts }, (_, expert) => expert);
  order.sort((a, b) => (load[b] as number) - (load[a] as number) || a - b);
  const sums = new Float64Array(devices);
  const held = new Int32Array(devices);
  const row = new Uint8Array(experts);
  for (const expert of order) {
    let best = -1;
    for (let device = 0; device < devices; device++) {
      if ((held[device] as number) >= deviceCapacity(experts, devices, device)) continue;
      if (best === -1 || (sums[device] as number) < (sums[best] as number)) best = device;
    }
    row[expert] = best;
    sums[best] = (sums[best] as number) + (load[expert] as number);
    held[best] = (held[best] as number) + 1;
  }
  return row;
}
