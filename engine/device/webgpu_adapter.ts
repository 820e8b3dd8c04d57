import type { Card } from './cards/card.ts';
import type { VulkanDriver } from './cards/vulkan_drivers.ts';
import type { System } from './discovery.ts';

/** The card that ONNX Runtime's WebGPU provider computes on. */
export interface Adapter {
  readonly name: string;
  readonly software: boolean;
  /** The card, where it is certain which one. */
  readonly card?: Card;
}

/**
 * What the WebGPU provider of onnxruntime-node 1.30 takes. It asks Dawn for one adapter a process, the one for high performance, and its
 * Node binding passes no choice on: not the device number, nor the power preference. So there is one WebGPU device, and its
 * card is foretold by Dawn's order: a card with memory of its own, then one without, then a processor that plays one. Opening a
 * session only to learn the name was rejected: the provider does not tell it, and it loads the card's driver into the engine.
 * @returns the adapter, or why there is none, in a sentence
 */
export function webGpuAdapter({ platform, arch, cards, vulkanDrivers: drivers }: System): Adapter | string {
  if (platform === 'linux' && arch !== 'x64') return `ONNX Runtime brings no WebGPU provider for Linux on ${arch}.`;
  const driven = platform === 'linux' ? cards.filter(({ vendor }) => drives(drivers, vendor)) : cards;
  const own = driven.filter(({ unified }) => !unified);
  const candidates = own.length > 0 ? own : driven;
  const [first, ...others] = candidates;
  if (first !== undefined) {
    const name = candidates.map((card) => card.name).join(' or ');
    return { name, software: false, ...(others.length === 0 && { card: first }) };
  }
  if (platform === 'win32') return { name: 'WARP, DirectX on the processor', software: true };
  for (const driver of drivers) {
    if ('software' in driver) return { name: `${driver.software}, Vulkan on the processor`, software: true };
  }
  if (platform === 'darwin') return 'system_profiler lists no graphics card.';
  return cards.length === 0
    ? 'this machine has no graphics card that the kernel shows.'
    : `no Vulkan driver for ${cards.map(({ name }) => name).join(', ')} is installed; install the card's driver (mesa-vulkan-drivers for AMD and Intel).`;
}

const drives = (drivers: readonly VulkanDriver[], vendor: Card['vendor']) =>
  drivers.some((driver) => 'vendor' in driver && driver.vendor === vendor);
