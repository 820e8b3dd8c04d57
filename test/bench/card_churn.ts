import { readFileSync } from 'node:fs';
import type { CardStore } from './card_store.ts';

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
  { experts, settle }: CardStore,
  from: number,
  to: number,
  loads: number,
): Promise<Churn> {
  const once = async (number: number) => {
    const expert = from + (number % (to - from));
    await experts.load(0, expert);
    await experts.evict(0, expert);
  };
  for (let number = 0; number < loads; number++) await once(number);
  await settle();
  const beforeBytes = residentBytes();
  const begun = performance.now();
  for (let number = 0; number < loads; number++) await once(number);
  await settle();
  return { beforeBytes, afterBytes: residentBytes(), ms: performance.now() - begun };
}

function residentBytes(): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
}
