import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import path from 'node:path';
import { pcieGeneration, pcieLink, UNIFIED_MEMORY } from '../../protocol/links.ts';
import type { Told } from '../../protocol/model.ts';
import { type Card, notTold, vendorOf } from './card.ts';

const PCI_IDS = ['/usr/share/misc/pci.ids', '/usr/share/hwdata/pci.ids'];

/** An amdgpu card with less memory of its own than this is a processor's graphics, whose "own" memory is a corner of the host's. */
const LEAST_OWN_BYTES = 2 ** 31;

/**
 * Cards as Linux's kernel shows them (/sys/class/drm, kernel documentation "amdgpu driver misc" and "hwmon sysfs interface"). amdgpu tells
 * all; i915, xe and NVIDIA's own driver tell little there, and for these the reason stands in the figure's place.
 * @param root `/sys/class/drm`, or a folder of the same form
 * @param pciIds text of pci.ids, which has the names
 */
export function readDrm(root = '/sys/class/drm', pciIds = readPciIds()): Card[] {
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .filter((entry) => /^card\d+$/.test(entry))
    .sort()
    .flatMap((entry) => readCard(path.join(root, entry, 'device'), pciIds) ?? []);
}

function readCard(folder: string, pciIds: string): Card | undefined {
  const uevent = text(path.join(folder, 'uevent')) ?? '';
  const key = /^PCI_SLOT_NAME=(\S+)$/m.exec(uevent)?.[1];
  const [vendorId, deviceId] = /^PCI_ID=([0-9a-f]+):([0-9a-f]+)$/im.exec(uevent)?.slice(1) ?? [];
  // A display of the board's own (aspeed, virtio) computes nothing.
  if (key === undefined || vendorId === undefined || deviceId === undefined) return undefined;
  const vendor = vendorOf(vendorId);
  if (vendor === 'other') return undefined;
  const driver = /^DRIVER=(\S+)$/m.exec(uevent)?.[1];
  const figure = (file: string, unit: number): Told<number> => {
    const value = Number(text(path.join(folder, file)) ?? Number.NaN);
    return Number.isFinite(value) ? value * unit : notTold(`the ${driver ?? 'kernel'} driver does not tell it`);
  };
  const own = figure('mem_info_vram_total', 1);
  const unified = vendor === 'intel' ? typeof own !== 'number' : typeof own === 'number' && own < LEAST_OWN_BYTES;
  const sensors = hwmon(folder);
  return {
    key: key.toLowerCase(),
    name: text(path.join(folder, 'product_name')) || pciName(pciIds, vendorId, deviceId),
    vendor,
    unified,
    totalBytes: unified ? notTold('it shares the memory of the host') : own,
    driver: driver === undefined ? notTold('no kernel driver holds it') : `${driver}, kernel ${release()}`,
    link: unified ? UNIFIED_MEMORY : (link(folder) ?? notTold('the kernel names no PCIe link')),
    reading: {
      usedBytes: figure('mem_info_vram_used', 1),
      utilisation: figure('gpu_busy_percent', 1 / 100),
      celsius: figure(path.join(sensors, 'temp1_input'), 1 / 1000),
      watts: existsSync(path.join(folder, sensors, 'power1_average'))
        ? figure(path.join(sensors, 'power1_average'), 1e-6)
        : figure(path.join(sensors, 'power1_input'), 1e-6),
    },
  };
}

/** Most of what card and slot can do: idle cards turn their link down. */
function link(folder: string) {
  const speed = (which: string) => Number.parseFloat(text(path.join(folder, `${which}_link_speed`)) ?? '');
  const generation = pcieGeneration(speed('max')) ?? pcieGeneration(speed('current'));
  const lanes = Number(text(path.join(folder, 'current_link_width')));
  return generation === undefined ? undefined : pcieLink(generation, lanes);
}

function hwmon(folder: string): string {
  const root = path.join(folder, 'hwmon');
  const [first = ''] = existsSync(root) ? readdirSync(root).sort() : [];
  return path.join('hwmon', first);
}

/** "Navi 31 [Radeon RX 7900 XTX]": the name in brackets is the one on the box. */
export function pciName(pciIds: string, vendorId: string, deviceId: string): string {
  const lines = pciIds.split('\n');
  const from = lines.findIndex((line) => line.startsWith(`${vendorId.toLowerCase()}  `));
  for (let at = from + 1; from >= 0 && at < lines.length; at++) {
    const line = lines[at] as string;
    if (!line.startsWith('\t') && !line.startsWith('#')) break;
    if (!line.startsWith(`\t${deviceId.toLowerCase()}  `)) continue;
    const name = line.slice(7).trim();
    const maker = (lines[from] as string).slice(6).trim();
    return `${/\[([^\]/]+).*\]/.exec(maker)?.[1] ?? maker.split(' ')[0]} ${/\[(.+)\]/.exec(name)?.[1] ?? name}`;
  }
  return `graphics card ${vendorId}:${deviceId}`.toLowerCase();
}

function readPciIds(): string {
  const file = PCI_IDS.find((candidate) => existsSync(candidate));
  return file === undefined ? '' : (text(file) ?? '');
}

/** Reading a sensor of a card that sleeps can fail. */
function text(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
