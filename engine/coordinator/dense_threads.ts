import type { ChosenDevice } from '../device/discovery.ts';

/**
 * Threads that a CPU rank's dense part may use. A sequence lives on one rank, so with fewer sequences than devices the others wait for
 * attention of layers in which they have no token: their processors help then. Experts stay at one thread, all ranks run some.
 * Rejected: sharing a sequence's heads among ranks, which saves no more and exchanges hidden states twice a layer.
 * @param batch sequences at a time
 */
export function denseThreads(devices: readonly Pick<ChosenDevice, 'device'>[], batch: number): number {
  const processors = devices.filter(({ device }) => device.provider === 'cpu').length;
  return Math.max(1, Math.floor(processors / Math.min(batch, devices.length)));
}
