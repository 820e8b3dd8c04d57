import type { LayerPlacement, Placement } from './placement.ts';

/**
 * The same partition with its devices named so that experts move as little as possible from where they stand. A method knows
 * groups, not devices: which group is called 0 is an accident of its sort, and taking it literally would move nearly everything.
 *
 * By layer, groups take the device with which they share most experts, the largest overlap first. That is not always the best
 * assignment, so the names as they came stay where they move less.
 */
export function keepDevices(after: Placement, before: Placement): Placement {
  const { devices, split, layers } = after;
  if (devices !== before.devices) return after;
  return {
    devices,
    split,
    layers: layers.map((layer, index) => renamed(layer, before.layers[index] as LayerPlacement, devices)),
  };
}

function renamed(layer: LayerPlacement, before: LayerPlacement, devices: number): LayerPlacement {
  const overlap = overlaps(layer, before, devices);
  const names = assign(overlap, devices);
  const kept = (name: (device: number) => number) => {
    let sum = 0;
    for (let device = 0; device < devices; device++) sum += overlap[device * devices + name(device)] as number;
    return sum;
  };
  if (kept((device) => names[device] as number) <= kept((device) => device)) return layer;
  const { firstCopy, deviceOf } = layer;
  const renamedOf = deviceOf.map((device) => names[device] as number);
  // Devices ascend within an expert.
  for (let expert = 0; expert < firstCopy.length - 1; expert++)
    renamedOf.subarray(firstCopy[expert], firstCopy[expert + 1]).sort();
  return { firstCopy, deviceOf: renamedOf };
}

/** Experts that a group would hold and a device holds already [group, device]. */
function overlaps(layer: LayerPlacement, before: LayerPlacement, devices: number): Int32Array {
  const overlap = new Int32Array(devices * devices);
  for (let expert = 0; expert < layer.firstCopy.length - 1; expert++) {
    for (const group of distinct(layer, expert)) {
      for (const device of distinct(before, expert)) {
        const at = group * devices + device;
        overlap[at] = (overlap[at] as number) + 1;
      }
    }
  }
  return overlap;
}

function distinct({ firstCopy, deviceOf }: LayerPlacement, expert: number): Set<number> {
  return new Set(deviceOf.subarray(firstCopy[expert], firstCopy[expert + 1]));
}

/** Device of each group, largest overlap first. */
function assign(overlap: Int32Array, devices: number): Uint8Array {
  const names = new Uint8Array(devices);
  const order = [...overlap.keys()].sort((a, b) => (overlap[b] as number) - (overlap[a] as number) || a - b);
  const named = new Set<number>();
  const taken = new Set<number>();
  for (const at of order) {
    const [group, device] = [Math.floor(at / devices), at % devices];
    if (named.has(group) || taken.has(device)) continue;
    names[group] = device;
    named.add(group);
    taken.add(device);
  }
  return names;
}
