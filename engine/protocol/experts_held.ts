import type { PlacementName } from './settings.ts';

/** How many experts of a layer stand on a device: what its memory, its cache and the slider have to do with. */

/**
 * Slots of a layer, over all devices, with up to `redundant` copies more than experts: rounded down to the same number for
 * every device, but never so far that an expert has no place.
 */
export function replicaSlots(experts: number, devices: number, redundant: number): number {
  return Math.max(Math.floor((experts + redundant) / devices), Math.ceil(experts / devices)) * devices;
}

/** Copies beyond one of each expert that a placement asks for, over all devices: an eighth of the experts, or what was wanted. */
export function redundantCopies(placement: PlacementName, experts: number, wanted = Math.floor(experts / 8)): number {
  return placement === 'replicated' || placement === 'levelled' ? wanted : 0;
}

/** Most experts of a layer that one device holds. */
export function expertsHeld(placement: PlacementName, experts: number, devices: number, wanted?: number): number {
  const slots = replicaSlots(experts, devices, redundantCopies(placement, experts, wanted));
  return Math.min(experts, slots / devices);
}
