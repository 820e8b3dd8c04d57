import { pcieLink } from '../../protocol/links.ts';
import type { Told } from '../../protocol/model.ts';
import { type Card, notTold } from './card.ts';

/**
 * Asked of `nvidia-smi`, which comes with NVIDIA's driver on Linux and Windows. The generation is the most that card and slot can
 * do: an idle card turns its link down to 1.0 and up again when it is used. Lanes are those in use, which a slot may have fewer of.
 */
const FIELDS = [
  'index',
  'pci.bus_id',
  'name',
  'driver_version',
  'memory.total',
  'memory.used',
  'utilization.gpu',
  'temperature.gpu',
  'power.draw',
  'pcie.link.gen.max',
  'pcie.link.width.current',
] as const;

export const NVIDIA_SMI_ARGS = [`--query-gpu=${FIELDS.join(',')}`, '--format=csv,noheader,nounits'] as const;

const MIB = 2 ** 20;
const PCI = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]$/i;

/** Cards in its CSV, a line each; lines of another form are left out (`No devices were found` is one). */
export function parseNvidiaSmi(csv: string): Card[] {
  return csv.split(/\r?\n/).flatMap((line) => {
    const cells = line.split(',').map((cell) => cell.trim());
    const cell = (field: (typeof FIELDS)[number]) => cells[FIELDS.indexOf(field)] ?? '';
    const bus = cell('pci.bus_id');
    if (cells.length !== FIELDS.length || !PCI.test(bus)) return [];
    const totalBytes = scaled(cell('memory.total'), MIB);
    const link = pcieLink(Number(cell('pcie.link.gen.max')), Number(cell('pcie.link.width.current')));
    return [
      {
        // Eight digits of domain here, four elsewhere.
        key: bus.toLowerCase().replace(/^[0-9a-f]*([0-9a-f]{4}:)/, '$1'),
        name: cell('name'),
        vendor: 'nvidia' as const,
        // A card that shares the host's memory has no size of its own to tell.
        unified: typeof totalBytes !== 'number',
        totalBytes,
        driver: cell('driver_version'),
        link: link ?? notTold('nvidia-smi names no PCIe link'),
        cudaIndex: Number(cell('index')),
        reading: {
          usedBytes: scaled(cell('memory.used'), MIB),
          utilisation: scaled(cell('utilization.gpu'), 1 / 100),
          celsius: scaled(cell('temperature.gpu'), 1),
          watts: scaled(cell('power.draw'), 1),
        },
      },
    ];
  });
}

/** `[N/A]`, `[Not Supported]`, `[Unknown Error]` stand where the driver does not know. */
function scaled(cell: string, unit: number): Told<number> {
  const value = Number(cell);
  if (cell !== '' && Number.isFinite(value) && value >= 0) return value * unit;
  return notTold(`nvidia-smi says ${cell === '' ? 'nothing' : cell}`);
}
