import type { Placement } from '../../engine/balancing/placement.ts';

/** @throws RangeError naming the layer: every expert has a copy, on a device that there is, copies by rising device */
export function checkPlacement({ devices, layers }: Placement): void {
  for (const [index, { firstCopy, deviceOf }] of layers.entries()) {
    if (firstCopy[0] !== 0 || firstCopy[firstCopy.length - 1] !== deviceOf.length) {
      throw new RangeError(`layer ${index} has ${deviceOf.length} copies, which its experts do not add up to`);
    }
    for (let expert = 0; expert < firstCopy.length - 1; expert++) {
      const from = firstCopy[expert] as number;
      const end = firstCopy[expert + 1] as number;
      if (end <= from) throw new RangeError(`layer ${index} has no copy of expert ${expert}`);
      for (let copy = from; copy < end; copy++) {
        const device = deviceOf[copy] as number;
        if (device >= devices)
          throw new RangeError(`layer ${index} has expert ${expert} on device ${device} of ${devices}`);
        if (copy > from && device < (deviceOf[copy - 1] as number)) {
          throw new RangeError(`layer ${index} has the copies of expert ${expert} in falling order of devices`);
        }
      }
    }
  }
}
