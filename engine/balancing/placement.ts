import type { PlacementName } from '../protocol/settings.ts';
import { antiCorrelation } from './anti_correlation.ts';
import { covariance } from './covariance.ts';
import { greedy } from './greedy.ts';

/** Device of each expert, per MoE layer [experts]. Every expert stands on exactly one device. */
export interface Placement {
  readonly devices: number;
  readonly deviceOf: readonly Uint8Array[];
}

/** Tokens per expert of past batches [batches, layers, experts]. */
export interface LoadHistory {
  readonly layers: number;
  readonly experts: number;
  readonly batches: number;
  readonly counts: Uint32Array;
}

/** Experts per device: E/D; where D does not divide E, the first E mod D devices hold one more. */
export function deviceCapacity(experts: number, devices: number, device: number): number {
  return Math.floor(experts / devices) + (device < experts % devices ? 1 : 0);
}

/** The usual placement of expert-parallel engines: experts in blocks by id. */
export function contiguous(layers: number, experts: number, devices: number): Placement {
  const row = new Uint8Array(experts);
  let expert = 0;
  for (let device = 0; device < devices; device++) {
    const capacity = deviceCapacity(experts, devices, device);
    row.fill(device, expert, expert + capacity);
    expert += capacity;
  }
  return { devices, deviceOf: Array.from({ length: layers }, () => row.slice()) };
}

/** Placements of every expert on exactly one device. */
export type PlacementMethod = PlacementName | 'anti-correlation' | 'covariance';

/** All but contiguous have nothing to go by without a history, and are contiguous then. */
export function place(
  name: PlacementMethod,
  history: LoadHistory | undefined,
  layers: number,
  experts: number,
  devices: number,
): Placement {
  if (name === 'contiguous' || history === undefined || history.batches === 0)
    return contiguous(layers, experts, devices);
  if (name === 'anti-correlation') return antiCorrelation(history, devices);
  if (name === 'covariance') return covariance(history, devices);
  return greedy(history, devices);
}
