import { computedMisses } from '../../buffering/expert_cache.ts';
import { CACHE_COUNTERS, PREFETCH_COUNTERS, type RecordedStep } from '../../protocol/run_recording.ts';

const [MISSES, LOADS] = [CACHE_COUNTERS.indexOf('misses'), CACHE_COUNTERS.indexOf('loads')];
const AHEAD = PREFETCH_COUNTERS.indexOf('loads');

/** Misses of a step that the host computed instead of a load, all devices and layers together. Counted by the live caches. */
export function computedOf({ cache, prefetches }: Pick<RecordedStep, 'cache' | 'prefetches'>): number {
  const counted = {
    misses: sum(cache, CACHE_COUNTERS.length, MISSES),
    loads: sum(cache, CACHE_COUNTERS.length, LOADS),
  };
  return computedMisses(counted, prefetches === undefined ? 0 : sum(prefetches, PREFETCH_COUNTERS.length, AHEAD));
}

function sum(counters: Uint32Array, each: number, counter: number): number {
  let total = 0;
  for (let at = counter; at < counters.length; at += each) total += counters[at] as number;
  return total;
}
