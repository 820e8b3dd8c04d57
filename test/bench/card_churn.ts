import { readFileSync } from 'node:fs';
import type { WebGpuExperts } from '../../engine/device/webgpu/experts.ts';
import type { WebGpuMemory } from '../../engine/device/webgpu/memory.ts';

/** Resident memory of the process before and after, and how long it took. */
export interface Churn {
  readonly beforeBytes: number;
  readonly afterBytes: number;
  readonly ms: number;
}

/**
 * Loads and evicts experts [from, to) of the first layer in turn, `loads` times after as many that are not counted: pools of drivers and
 * allocators grow for thousands of loads, and then stay.
 */
export async function churnExperts(
  experts: WebGpuExperts,
  memory: WebGpuMemory,
  from: number,
  to: number,
  loads: number,
): Promise<Churn> {
  const once = async (number: number) => {
    const expert = from + (number % (to - from));
    await experts.load(0, expert);
    await experts.evict(0, expert);
  };
  const marker = await memory.zeros([1, 1]);
  for (let number = 0; number < loads; number++) await once(number);
  await memory.download(marker);
  const beforeBytes = residentBytes();
  const begun = performance.now();
  for (let number = 0; number < loads; number++) await once(number);
  await memory.download(marker);
  marker.dispose();
  return { beforeBytes, afterBytes: residentBytes(), ms: performance.now() - begun };
}

function residentBytes(): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
}
