import type { DeviceLink } from '../protocol/model.ts';

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
