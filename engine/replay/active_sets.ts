import { heldCount, type LayerPlacement, type Placement } from '../balancing/placement.ts';
import type { ActiveSet } from '../gating/policy.ts';
import type { RoutingTrace } from '../trace/trace.ts';
import { DeviceActive } from './device_active.ts';

/**
 * Which experts every step needs, scanned once and then shared by every policy and size: an event is a layer of a step on one
 * device, and events stand in the order in which a rank meets them (step, layer, device).
 */
export interface ActiveSets {
  readonly steps: number;
  readonly moeLayers: number;
  readonly devices: number;
  readonly experts: number;
  /** Distinct experts of each event, ascending, one event behind the other. */
  readonly ids: Uint16Array | Int32Array;
  /** First id of event (step * moeLayers + layer) * devices + device [events + 1]. */
  readonly offsets: Int32Array;
  /** Experts that a device holds of a layer [moeLayers, devices]. */
  readonly held: Int32Array;
}

/** @param placement and what gating asks caches for: both in force for the whole trace */
export function activeSets(trace: RoutingTrace, placement: Placement, activeSet: ActiveSet = 'routed'): ActiveSets {
  const { steps, moeLayers, experts } = trace;
  const { devices } = placement;
  const active = new DeviceActive(placement, experts, activeSet);
  const offsets = new Int32Array(steps * moeLayers * devices + 1);
  let ids = new Uint16Array(steps * moeLayers * devices * trace.topK + experts);
  let end = 0;
  let event = 0;
  for (let step = 0; step < steps; step++) {
    for (let layer = 0; layer < moeLayers; layer++) {
      const total = active.scan(trace, step, layer);
      if (end + total > ids.length) ids = grown(ids, 2 * ids.length + total);
      for (let device = 0; device < devices; device++) {
        const list = active.ids[device] as Int32Array;
        const count = active.counts[device] as number;
        for (let i = 0; i < count; i++) ids[end + i] = list[i] as number;
        end += count;
        offsets[++event] = end;
      }
    }
  }
  return { steps, moeLayers, devices, experts, ids: ids.slice(0, end), offsets, held: heldBy(placement) };
}

function grown(ids: Uint16Array, length: number): Uint16Array<ArrayBuffer> {
  const larger = new Uint16Array(length);
  larger.set(ids);
  return larger;
}

function heldBy({ devices, layers }: Placement): Int32Array {
  return Int32Array.from({ length: layers.length * devices }, (_, at) =>
    heldCount(layers[Math.floor(at / devices)] as LayerPlacement, at % devices),
  );
}
