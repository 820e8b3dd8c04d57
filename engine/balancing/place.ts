import { redundantCopies } from '../protocol/experts_held.ts';
import type { PlacementName } from '../protocol/settings.ts';
import { antiCorrelation } from './anti_correlation.ts';
import { covariance } from './covariance.ts';
import { greedy } from './greedy.ts';
import { contiguous, type LoadHistory, type Placement } from './placement.ts';
import { eplbPlacement } from './replicas.ts';

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
 * The placement of a name. All but contiguous have nothing to go by without a history, and are contiguous then; on one device
 * there is only one.
 * @throws RangeError where nodes do not divide the devices, or groups the experts
 */
export function place(name: PlacementName, history: LoadHistory | undefined, shape: PlaceShape): Placement {
  const { layers, experts, devices, groups = 1, nodes = 1 } = shape;
  if (name === 'contiguous' || devices === 1 || history === undefined || history.batches === 0)
    return contiguous(layers, experts, devices);
  switch (name) {
    case 'greedy':
      return greedy(history, devices);
    case 'anti-correlation':
      return antiCorrelation(history, devices, 'literal');
    case 'anti-correlation-scaled':
      return antiCorrelation(history, devices, 'by-experts');
    case 'covariance':
      return covariance(history, devices);
    default: {
      const redundant = redundantCopies(name, experts, shape.redundant);
      return eplbPlacement(history, devices, { redundant, groups, nodes }, name === 'levelled' ? 'levelled' : 'equal');
    }
  }
}
