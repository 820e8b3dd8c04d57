import { cpus, freemem, totalmem } from 'node:os';
import { EngineRefusal } from '../api.ts';
import { HOST_MEMORY } from '../protocol/links.ts';
import { type AbsentProvider, type DeviceInfo, isTold, type Provider, type Told } from '../protocol/model.ts';
import type { Precision, PrecisionName, RunSettings } from '../protocol/settings.ts';
import { type Card, notTold } from './cards/card.ts';
import { sampleCards } from './cards/card_sampler.ts';
import { readVulkanDrivers, type VulkanDriver } from './cards/vulkan_drivers.ts';
import { cudaObstacle } from './cuda/obstacle.ts';
import { SESSION_BYTES } from './cuda/session_bytes.ts';
import { readHost } from './host_reading.ts';
import { noFloat16 } from './precision.ts';
import { whySameCard } from './same_card.ts';
import { webGpuAdapter } from './webgpu_adapter.ts';

/** Share of free host memory that a device may take unless told otherwise, CPU devices together: the page cache is the host tier, and needs the rest. */
const HOST_SHARE = 0.5;
/** The same of a card's own memory: drivers and displays take some while a run goes on. */
const CARD_SHARE = 0.9;
/** With CUDA more: its context, and pools of the dense part's sessions, which grow with the longest step. */
const CUDA_SHARE = 0.75;

export interface DeviceList {
  readonly devices: readonly DeviceInfo[];
  readonly absent: readonly AbsentProvider[];
}

/** What devices are made from: of this machine, or of another one in a test. */
export interface System {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  readonly cards: readonly Card[];
  readonly vulkanDrivers: readonly VulkanDriver[];
  /** Why the CUDA provider cannot be had for a card; undefined where it can. */
  cudaObstacle(card: Card): string | undefined;
}

/** Devices of this machine: processors first, so that nothing but a choice puts a run on another. */
export async function listDevices(): Promise<DeviceList> {
  const { platform, arch } = process;
  const cards = await sampleCards();
  return devicesOf({
    platform,
    arch,
    cards,
    vulkanDrivers: platform === 'linux' ? readVulkanDrivers() : [],
    cudaObstacle,
  });
}

export function devicesOf(system: System): DeviceList {
  const devices = cpuDevices();
  const absent: AbsentProvider[] = [];
  const adapter = webGpuAdapter(system);
  if (typeof adapter === 'string') absent.push({ provider: 'webgpu', reason: adapter });
  else {
    const { name, software, card } = adapter;
    const unknown = 'which card WebGPU takes is for its driver to choose';
    devices.push({
      id: 'webgpu:0',
      provider: 'webgpu',
      name,
      software,
      ...(software ? { ...inHostMemory(), driver: notTold('it is part of the processor') } : ofCard(card, unknown)),
    });
  }
  const cuda = system.cards.filter(({ cudaIndex }) => cudaIndex !== undefined);
  if (cuda.length === 0) absent.push({ provider: 'cuda', reason: 'nvidia-smi lists no NVIDIA card.' });
  for (const card of cuda) {
    const { name, cudaIndex } = card;
    const id = `cuda:${cudaIndex}`;
    const refusal = system.cudaObstacle(card);
    const figures = ofCard(card, '', CUDA_SHARE);
    devices.push({ id, provider: 'cuda', name, software: false, ...figures, ...(refusal && { refusal }) });
  }
  return { devices, absent };
}

/** A CPU device is one thread with a byte budget, and there may be as many as cores. */
function cpuDevices(): DeviceInfo[] {
  const cores = cpus();
  const name = cores[0]?.model.trim() ?? 'CPU';
  const freeBytes = freemem();
  const reading = readHost();
  return cores.map((_, index) => ({
    id: `cpu:${index}`,
    provider: 'cpu',
    name: `${name}, thread ${index}`,
    software: false,
    totalBytes: totalmem(),
    freeBytes,
    defaultBudgetBytes: Math.floor((freeBytes * HOST_SHARE) / cores.length),
    driver: notTold('a processor needs none'),
    link: HOST_MEMORY,
    reading,
  }));
}

type Figures = Pick<DeviceInfo, 'totalBytes' | 'freeBytes' | 'defaultBudgetBytes' | 'driver' | 'link' | 'reading'>;

function inHostMemory(): Omit<Figures, 'driver'> {
  const freeBytes = freemem();
  return {
    totalBytes: totalmem(),
    freeBytes,
    defaultBudgetBytes: Math.floor(freeBytes * HOST_SHARE),
    link: HOST_MEMORY,
    reading: readHost(),
  };
}

function ofCard(card: Card | undefined, unknown: string, share = CARD_SHARE): Figures {
  if (card === undefined) {
    const not = notTold(unknown);
    const reading = { usedBytes: not, utilisation: not, celsius: not, watts: not };
    return { totalBytes: not, freeBytes: not, defaultBudgetBytes: not, driver: not, link: not, reading };
  }
  const { unified, totalBytes, driver, link, reading } = card;
  if (unified) return { ...inHostMemory(), driver, link, reading };
  const freeBytes = difference(totalBytes, reading.usedBytes);
  const defaultBudgetBytes = isTold(freeBytes) ? Math.floor(freeBytes * share) : freeBytes;
  return { totalBytes, freeBytes, defaultBudgetBytes, driver, link, reading };
}

function difference(total: Told<number>, used: Told<number>): Told<number> {
  if (!isTold(total)) return total;
  return isTold(used) ? Math.max(0, total - used) : used;
}

export interface ChosenDevice {
  readonly id: string;
  /** Budget. */
  readonly bytes: number;
  readonly device: DeviceInfo;
}

/** What a CUDA device multiplies by as it is. Of other weights ONNX Runtime makes float32 in the pool of each session, and that stays. */
const HELD_BY_CUDA: Readonly<Record<keyof Precision, readonly PrecisionName[]>> = {
  experts: ['stored', 'fp32', 'int8', 'int4'],
  dense: ['stored', 'fp32'],
};

/** Why a run's devices do not hold it at a precision, in a sentence; undefined where they do. */
export function whyNotHeld(chosen: readonly ChosenDevice[], precision: Precision): string | undefined {
  const without = chosen.find(({ device }) => device.float16 === false);
  if (without !== undefined && Object.values(precision).includes('fp16')) return noFloat16(without.id);
  const cuda = chosen.find(({ device }) => device.provider === 'cuda');
  if (cuda === undefined) return undefined;
  for (const part of ['experts', 'dense'] as const) {
    const held = HELD_BY_CUDA[part];
    if (held.includes(precision[part])) continue;
    return `precision: ${cuda.id} would hold ${part} of ${precision[part]} in float32 as well, once they are multiplied; set ${part} to ${held.join(' or ')}.`;
  }
  return undefined;
}

/** What planning must know of the chosen devices beside their number. */
export function planned(chosen: readonly ChosenDevice[]): { readonly onCard: boolean; readonly sessionBytes: number } {
  const any = (provider: Provider) => chosen.some(({ device }) => device.provider === provider);
  return { onCard: any('webgpu'), sessionBytes: any('cuda') ? SESSION_BYTES : 0 };
}

/**
 * The chosen devices with their budgets.
 * @throws EngineRefusal for a device that this machine does not have, that a run cannot have, that is named twice or by two providers, or whose
 *   budget must be named because the system does not tell its memory
 */
export async function chooseDevices(choices: RunSettings['devices']): Promise<ChosenDevice[]> {
  // Asking for cards takes up to seconds, and a run on processors must not wait for it.
  const devices = choices.every(({ id }) => id.startsWith('cpu:')) ? cpuDevices() : (await listDevices()).devices;
  const seen = new Set<string>();
  const chosen = choices.map(({ id, budgetBytes }) => {
    const device = devices.find((entry) => entry.id === id);
    if (device === undefined) {
      throw new EngineRefusal(
        `devices: this machine has no "${id}"; choose from ${devices.map((entry) => entry.id).join(', ')}.`,
      );
    }
    if (device.refusal !== undefined) throw new EngineRefusal(`devices: ${id}: ${device.refusal}`);
    if (seen.has(id)) throw new EngineRefusal(`devices: "${id}" is named twice; name each device once.`);
    seen.add(id);
    const bytes = budgetBytes ?? device.defaultBudgetBytes;
    if (!isTold(bytes)) {
      throw new EngineRefusal(
        `devices: the free memory of ${id} is not known (${bytes.notTold}); set its budgetBytes.`,
      );
    }
    return { id, bytes, device };
  });
  const same = whySameCard(chosen.map(({ device }) => device));
  if (same !== undefined) throw new EngineRefusal(same);
  return chosen;
}
