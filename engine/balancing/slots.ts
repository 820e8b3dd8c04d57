import type { LayerPlacement, Placement } from './placement.ts';

/** A placement as other engines have it: a logical expert in each of the same number of slots on every device. */
export interface SlotTable {
  readonly devices: number;
  readonly experts: number;
  readonly slotsPerDevice: number;
  /** Logical expert of each slot, device by device [layers][devices * slotsPerDevice]. */
  readonly expertOf: readonly (readonly number[])[];
}

/**
 * Slots of a placement. A device with fewer copies than the fullest gets second copies of its own experts, in turn, which take no
 * load from elsewhere.
 * @throws RangeError where a device holds no expert at all
 */
export function toSlots({ devices, layers }: Placement): SlotTable {
  const held = layers.map((layer) => copiesByDevice(layer, devices));
  const slotsPerDevice = held.reduce((most, layer) => layer.reduce((max, own) => Math.max(max, own.length), most), 0);
  const expertOf = held.map((layer) =>
    layer.flatMap((own, device) => {
      if (own.length === 0)
        throw new RangeError(`device ${device} holds no expert, and so has nothing to fill a slot with`);
      return Array.from({ length: slotsPerDevice }, (_, slot) => own[slot % own.length] as number);
    }),
  );
  return { devices, experts: (layers[0]?.firstCopy.length ?? 1) - 1, slotsPerDevice, expertOf };
}

function copiesByDevice({ firstCopy, deviceOf }: LayerPlacement, devices: number): number[][] {
  const held = Array.from({ length: devices }, () => [] as number[]);
  for (let expert = 0; expert < firstCopy.length - 1; expert++) {
    for (const device of deviceOf.subarray(firstCopy[expert], firstCopy[expert + 1])) held[device]?.push(expert);
  }
  return held;
}
