import { replicaSlots } from '../protocol/experts_held.ts';
import { orContiguous } from './best_on_history.ts';
import { eplb } from './eplb.ts';
import { totalTokens } from './history.ts';
import type { LayerPlacement, LoadHistory, Placement, SplitName } from './placement.ts';

export interface ReplicaOptions {
  /** Copies beyond one of each expert, over all devices; rounded to the same number for each, see `replicaSlots`. */
  readonly redundant: number;
  /** Expert groups that stay whole within a node; 1 and 1 for one node. */
  readonly groups: number;
  readonly nodes: number;
}

/**
 * EPLB from a history: loads are tokens in all (as its users feed it), so a long batch counts for more. Contiguous is a candidate
 * too, per layer, judged under the split that will divide the rows. Experts that the devices do not divide get copies to
 * fill the rest: EPLB's devices all have the same number of slots.
 */
export function eplbPlacement(
  history: LoadHistory,
  devices: number,
  { redundant, groups, nodes }: ReplicaOptions,
  split: SplitName,
): Placement {
  const { layers, experts } = history;
  const replicas = replicaSlots(experts, devices, redundant);
  const weight = Array.from({ length: layers }, (_, layer) => totalTokens(history, layer));
  const { phy2log } = eplb(weight, { replicas, groups, nodes, devices });
  return orContiguous(history, { devices, split, layers: phy2log.map((row) => fromSlots(row, experts, devices)) });
}

/** @param expertOf logical expert of each slot, device by device, the same number of slots on each [slots] */
export function fromSlots(expertOf: ArrayLike<number>, experts: number, devices: number): LayerPlacement {
  const slots = expertOf.length;
  const firstCopy = new Int32Array(experts + 1);
  for (let slot = 0; slot < slots; slot++) {
    const after = (expertOf[slot] as number) + 1;
    firstCopy[after] = (firstCopy[after] as number) + 1;
  }
  for (let expert = 0; expert < experts; expert++) {
    firstCopy[expert + 1] = (firstCopy[expert + 1] as number) + (firstCopy[expert] as number);
  }
  const next = firstCopy.slice();
  const deviceOf = new Uint8Array(slots);
  for (let slot = 0; slot < slots; slot++) {
    const expert = expertOf[slot] as number;
    const copy = next[expert] as number;
    deviceOf[copy] = Math.floor((slot * devices) / slots);
    next[expert] = copy + 1;
  }
  return { firstCopy, deviceOf };
}
