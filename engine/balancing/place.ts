import type { PlacementMethod } from '../protocol/labs.ts';
import { antiCorrelation } from './anti_correlation.ts';
import { covariance } from './covariance.ts';
import { greedy } from './greedy.ts';
import { contiguous, type LoadHistory, type Placement } from './placement.ts';
import { eplbPlacement, replicaSlots } from './replicas.ts';

export interface PlaceShape {
  readonly layers: number;
  readonly experts: number;
  readonly devices: number;
  /** Redundant copies of `replicated` and `levelled`, over all devices. Absent: an eighth of the experts. */
  readonly redundant?: number;
  /** EPLB: groups of experts that stay whole within a node. Hierarchical where the nodes divide the groups. Absent: 1 and 1. */
  readonly groups?: number;
  readonly nodes?: number;
}

/**
 * The placement of a name. All but contiguous have nothing to go by without a history, and are contiguous then.
 * @throws RangeError where nodes do not divide the devices, or groups the experts
 */
export function place(name: PlacementMethod, history: LoadHistory | undefined, shape: PlaceShape): Placement {
  const { layers, experts, devices, groups = 1, nodes = 1 } = shape;
  if (name === 'contiguous' || history === undefined || history.batches === 0)
    return contiguous(layers, experts, devices);
  switch (name) {
    case 'greedy':
      return greedy(history, devices);
    case 'anti-correlation':
      return antiCorrelation(history, devices, { coefficient: 0.5, scale: 'literal' });
    case 'anti-correlation-scaled':
      return antiCorrelation(history, devices, { coefficient: 0.5, scale: 'by-experts' });
    case 'covariance':
      return covariance(history, devices);
    default: {
      const redundant = redundantCopies(name, shape);
      return eplbPlacement(history, devices, { redundant, groups, nodes }, name === 'levelled' ? 'levelled' : 'equal');
    }
  }
}

/** Copies beyond one per expert that a method asks for, over all devices. */
export function redundantCopies(name: PlacementMethod, { experts, redundant }: Omit<PlaceShape, 'layers'>): number {
  return name === 'replicated' || name === 'levelled' ? (redundant ?? Math.floor(experts / 8)) : 0;
}

/** Most experts of a layer on one device under a method: what its memory must hold at most. */
export function placedPerDevice(name: PlacementMethod, shape: Omit<PlaceShape, 'layers'>): number {
  const { experts, devices } = shape;
  return replicaSlots(experts, devices, redundantCopies(name, shape)) / devices;
}
