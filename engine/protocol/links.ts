import { z } from 'zod';
import type { CacheTable } from './labs.ts';
import type { DeviceLink } from './model.ts';

/** Giga-transfers a second and lane, and bits of payload in each: PCI Express base specifications 1.0 to 6.0 (8b/10b, 128b/130b, 242B/256B flits). */
const PCIE: Readonly<Record<number, { readonly gigaTransfers: number; readonly payload: number }>> = {
  1: { gigaTransfers: 2.5, payload: 8 / 10 },
  2: { gigaTransfers: 5, payload: 8 / 10 },
  3: { gigaTransfers: 8, payload: 128 / 130 },
  4: { gigaTransfers: 16, payload: 128 / 130 },
  5: { gigaTransfers: 32, payload: 128 / 130 },
  6: { gigaTransfers: 64, payload: 242 / 256 },
};

export const HOST_MEMORY: DeviceLink = { name: 'host memory' };
export const UNIFIED_MEMORY: DeviceLink = { name: 'unified memory' };

/**
 * A PCI Express link, peak bytes a second one way: transfers x lanes x payload / 8. What a copy reaches is less (the paper measured 12
 * of 16 GB/s), so the peak is a bound and never taken for a measurement.
 * @returns undefined for a generation that is not known here
 */
export function pcieLink(generation: number, lanes: number): DeviceLink | undefined {
  const speed = PCIE[generation];
  if (speed === undefined || !(lanes > 0)) return undefined;
  return {
    name: `PCIe ${generation}.0 x${lanes}`,
    peakBytesPerSecond: (speed.gigaTransfers * 1e9 * speed.payload * lanes) / 8,
  };
}

/** The generation whose lanes make so many giga-transfers a second, as /sys tells it ("16.0 GT/s PCIe"). */
export function pcieGeneration(gigaTransfers: number): number | undefined {
  const found = Object.entries(PCIE).find(([, speed]) => speed.gigaTransfers === gigaTransfers);
  return found && Number(found[0]);
}

/** Links that a run can be projected over: "what if the experts came over another one?" */
export const LinkName = z.enum(['pcie3', 'pcie4', 'pcie5', 'nvlink-c2c', 'unified']);
export type LinkName = z.infer<typeof LinkName>;

/** NVLink-C2C: 900 GB/s both ways together (NVIDIA, "Grace Hopper Superchip Architecture"), so half of it one way. */
const NVLINK_C2C: DeviceLink = { name: 'NVLink-C2C', peakBytesPerSecond: 450e9 };

const WHAT_IF: Readonly<Record<LinkName, DeviceLink>> = {
  pcie3: pcieLink(3, 16) as DeviceLink,
  pcie4: pcieLink(4, 16) as DeviceLink,
  pcie5: pcieLink(5, 16) as DeviceLink,
  'nvlink-c2c': NVLINK_C2C,
  unified: UNIFIED_MEMORY,
};

export const whatIfLink = (name: LinkName): DeviceLink => WHAT_IF[name];

/** Share of its peak that a link sustains in copies of experts: 12 of 16 GB/s in the paper (section on Expert Buffering, PCIe 3.0 x16). */
const SUSTAINED_SHARE = 0.75;

/**
 * Time of one load over a link, ms. Projected: bytes / (peak x SUSTAINED_SHARE), without what a copy costs before its first byte; none
 * over unified memory, where an expert is computed where it lies.
 */
export function loadMsOver(name: LinkName, expertBytes: number): number {
  const { peakBytesPerSecond } = WHAT_IF[name];
  return peakBytesPerSecond === undefined ? 0 : (1000 * expertBytes) / (peakBytesPerSecond * SUSTAINED_SHARE);
}

/** A run's cost were its experts copied over another link: the rest of a step stays as it was measured. Projected. */
export function costOver(cost: CacheTable['cost'], name: LinkName, moeLayers: number): CacheTable['cost'] {
  return cost && { ...cost, loadMs: loadMsOver(name, cost.bytesPerSlot / moeLayers) };
}
