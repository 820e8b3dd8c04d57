import type { ActiveSet } from '../gating/policy.ts';
import type { CacheTable } from '../protocol/labs.ts';

/** Fewer accesses than this for each slot: the cache was not turned over often enough to tell policies apart. */
const FEWEST_TURNS = 10;
/** A hit rate this near to the share of experts that fits is what routing without any pattern gives. */
const NO_PATTERN = 0.02;

type Parts = Pick<CacheTable, 'subject' | 'scored' | 'slots' | 'rows' | 'coldMisses'>;

/** Why the table may say less than it seems to: whole sentences. */
export function warningsOf(
  { subject, scored, slots, rows, coldMisses }: Parts,
  requests: number,
  activeSet: ActiveSet = 'routed',
): string[] {
  const { experts, moeLayers, devices, routing } = subject;
  const warnings: string[] = [];
  if (routing === 'synthetic')
    warnings.push('The routing was drawn by a generator: nothing follows from it about a model.');
  const perSlot = (size: number) => scored.accesses / (Math.min(size, experts / devices) * moeLayers.length * devices);
  const short = slots.filter((size) => perSlot(size) < FEWEST_TURNS);
  if (short.length > 0 && short[0] !== undefined) {
    warnings.push(
      short.length === slots.length
        ? `Too short: every size has fewer than ${FEWEST_TURNS} scored accesses a slot; differences between policies are chance.`
        : `Too short for large caches: from ${short[0]} slots on there are fewer than ${FEWEST_TURNS} scored accesses a slot, and differences between policies are chance.`,
    );
  }
  if (requests === 1) warnings.push('One request only: how the cache does when the workload changes is not in it.');
  const lru = rows.find(({ policy }) => policy === 'lru');
  const partial = slots.flatMap((size, index) => (size < experts / devices ? [index] : []));
  // Where gating asks for every expert, what is asked for says nothing about the routing.
  if (lru !== undefined && partial.length > 1 && activeSet === 'routed') {
    const warm = scored.accesses - coldMisses;
    const near = partial.every((index) => {
      const hitRate = (scored.accesses - (lru.misses[index] as number)) / warm;
      return Math.abs(hitRate - ((slots[index] as number) * devices) / experts) < NO_PATTERN;
    });
    if (near) {
      warnings.push(
        'LRU hits no more than the share of experts that fits: this routing has no pattern in time, as uniform random routing has none, and no policy can be ranked by it.',
      );
    }
  }
  return warnings;
}
