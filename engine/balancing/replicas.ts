import { isBetter } from './best_on_history.ts';
import { eplb } from './eplb.ts';
import { totalTokens } from './history.ts';
import type { TokenSplit } from './levelling.ts';
import type { LoadHistory } from './placement.ts';
import { checkReplicated, contiguousWithSpares, type ReplicatedPlacement, replicaSlots } from './replicated.ts';
import { scoreReplicated } from './score_replicated.ts';

export interface ReplicaOptions {
  /** Copies beyond one of each expert, over all devices; rounded down to the same number for each. */
  readonly redundant: number;
  readonly groups: number;
  readonly nodes: number;
}

/**
 * EPLB from a history: loads are tokens in all (as its users feed it), so a long batch counts for more. Contiguous with idle
 * second copies is a candidate too, per layer, judged under the split that will divide the tokens.
 *
 * Experts that the devices do not divide need redundant copies to fill the rest; the slots are rounded for that.
 */
export function eplbReplicas(
  history: LoadHistory,
  devices: number,
  { redundant, groups, nodes }: ReplicaOptions,
  split: TokenSplit,
): ReplicatedPlacement {
  const { layers, experts } = history;
  const replicas = replicaSlots(experts, devices, redundant);
  const weight = Array.from({ length: layers }, (_, layer) => totalTokens(history, layer));
  const expertOf = eplb(weight, { replicas, groups, nodes, devices }).phy2log;
  const slotsPerDevice = replicas / devices;
  const balanced: ReplicatedPlacement = { devices, experts, slotsPerDevice, expertOf };
  checkReplicated(balanced);
  if (experts < devices) return balanced;
  const spares = contiguousWithSpares(experts, devices, slotsPerDevice);
  const plain: ReplicatedPlacement = { ...balanced, expertOf: expertOf.map(() => spares) };
  const better = expertOf.map((row, layer) =>
    isBetter(scoreReplicated(history, balanced, split, layer), scoreReplicated(history, plain, split, layer))
      ? row
      : spares,
  );
  return { ...balanced, expertOf: better };
}
