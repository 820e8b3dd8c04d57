import { deviceCapacity } from './placement.ts';

/**
 * A placement in which an expert may stand on several devices. Per MoE layer the logical expert of each slot
 * [devices * slotsPerDevice], device by device: slot s is on device floor(s / slotsPerDevice). Memory per
 * device is slotsPerDevice experts a layer.
 */
export interface ReplicatedPlacement {
  readonly devices: number;
  readonly experts: number;
  readonly slotsPerDevice: number;
  readonly expertOf: readonly Uint16Array[];
}

/**
 * @throws RangeError naming layer and slot or expert: every layer has devices * slotsPerDevice slots, each holds an expert that
 * there is, and every expert stands somewhere
 */
export function checkReplicated({ devices, experts, slotsPerDevice, expertOf }: ReplicatedPlacement): void {
  for (const [layer, row] of expertOf.entries()) {
    if (row.length !== devices * slotsPerDevice) {
      throw new RangeError(
        `layer ${layer} has ${row.length} slots where ${devices} devices with ${slotsPerDevice} each need ${devices * slotsPerDevice}`,
      );
    }
    const placed = new Uint8Array(experts);
    for (const [slot, expert] of row.entries()) {
      if (expert >= experts) throw new RangeError(`layer ${layer}, slot ${slot} holds expert ${expert} of ${experts}`);
      placed[expert] = 1;
    }
    const missing = placed.indexOf(0);
    if (missing !== -1) throw new RangeError(`layer ${layer} has no slot for expert ${missing}`);
  }
}

/**
 * Slots of a layer, over all devices, with up to `redundant` copies more than experts: rounded down to the same number for
 * every device, but never so far that an expert has no place.
 */
export function replicaSlots(experts: number, devices: number, redundant: number): number {
  return Math.max(Math.floor((experts + redundant) / devices), Math.ceil(experts / devices)) * devices;
}

/**
 * Contiguous for one layer where there are more slots than experts: what is left on a device is second copies of its own
 * experts, which take no load from elsewhere, so that its devices' loads are those of contiguous under every split.
 * @throws RangeError with fewer experts than devices: some device would have nothing to hold a copy of
 */
export function contiguousWithSpares(experts: number, devices: number, slotsPerDevice: number): Uint16Array {
  if (experts < devices) throw new RangeError(`${experts} experts leave one of ${devices} devices without any`);
  const row = new Uint16Array(devices * slotsPerDevice);
  let first = 0;
  for (let device = 0; device < devices; device++) {
    const own = deviceCapacity(experts, devices, device);
    for (let slot = 0; slot < slotsPerDevice; slot++) row[device * slotsPerDevice + slot] = first + (slot % own);
    first += own;
  }
  return row;
}

/** One layer of a replicated placement, the other way round. */
export interface ExpertCopies {
  readonly devices: number;
  readonly slotsPerDevice: number;
  /** Slots by expert, ascending [experts][copies]. */
  readonly slotsOf: readonly (readonly number[])[];
  /**
   * Experts on several devices, on fewest first, then by id. Two copies on one device leave no choice: such an expert counts as
   * having one.
   */
  readonly replicated: readonly number[];
}

export function copiesOf(placement: ReplicatedPlacement, layer: number): ExpertCopies {
  const { devices, slotsPerDevice, experts, expertOf } = placement;
  const slotsOf = Array.from({ length: experts }, () => [] as number[]);
  for (const [slot, expert] of (expertOf[layer] as Uint16Array).entries()) slotsOf[expert]?.push(slot);
  const hosts = slotsOf.map((slots) => new Set(slots.map((slot) => Math.floor(slot / slotsPerDevice))).size);
  const replicated = hosts.flatMap((count, expert) => (count > 1 ? [expert] : []));
  replicated.sort((a, b) => (hosts[a] as number) - (hosts[b] as number) || a - b);
  return { devices, slotsPerDevice, slotsOf, replicated };
}
