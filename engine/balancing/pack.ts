import { deviceCapacity } from './placement.ts';

/** How much load a device has in the eyes of an expert that looks for a place, beside the sum of its experts' mean loads. */
export type ExtraLoad = (expert: number, members: readonly number[]) => number;

/**
 * The paper's greedy for one layer: experts by falling mean load, each onto the device with the least load so far, the lowest
 * number on ties; a device that holds its E/D experts takes no more.
 * @param load mean load by expert [experts]
 * @returns device by expert [experts]
 */
export function packByLoad(load: Float64Array, devices: number, extra: ExtraLoad = () => 0): Uint8Array {
  const experts = load.length;
  const order = Array.from({ length: experts }, (_, expert) => expert);
  order.sort((a, b) => (load[b] as number) - (load[a] as number) || a - b);
  const open = Array.from({ length: devices }, (_, device) => ({ device, sum: 0, members: [] as number[] }));
  const row = new Uint8Array(experts);
  for (const expert of order) {
    let best: (typeof open)[number] | undefined;
    let least = 0;
    for (const candidate of open) {
      if (candidate.members.length >= deviceCapacity(experts, devices, candidate.device)) continue;
      const seen = candidate.sum + extra(expert, candidate.members);
      if (best !== undefined && seen >= least) continue;
      best = candidate;
      least = seen;
    }
    if (best === undefined) throw new RangeError(`${devices} devices have no place for expert ${expert} of ${experts}`);
    row[expert] = best.device;
    best.sum += load[expert] as number;
    best.members.push(expert);
  }
  return row;
}
