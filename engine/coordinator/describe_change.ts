import type { RunSettings } from '../protocol/settings.ts';

function copiesText(rows: RunSettings['copyAfterRows']): string {
  if (rows === 0) return 'copies at once';
  return rows === 'auto' ? 'copies: auto' : `copies after ${rows} ${rows === 1 ? 'row' : 'rows'}`;
}

/** What changed, short enough for a line on a chart: "64 to 24 slots", "lifo to lru". */
export function describeChange(before: RunSettings, after: RunSettings): string {
  const parts: string[] = [];
  if (before.cacheSlots !== after.cacheSlots) parts.push(`${before.cacheSlots} to ${after.cacheSlots} slots`);
  if (before.cacheScope !== after.cacheScope)
    parts.push(after.cacheScope === 'device' ? 'one pool of slots' : 'slots per layer');
  if (before.eviction !== after.eviction) parts.push(`${before.eviction} to ${after.eviction}`);
  if (before.copyAfterRows !== after.copyAfterRows) parts.push(copiesText(after.copyAfterRows));
  if (before.prefetch !== after.prefetch) parts.push(`prefetch ${before.prefetch} to ${after.prefetch}`);
  if (before.placement !== after.placement) parts.push(`${before.placement} to ${after.placement}`);
  if (before.gating !== after.gating) parts.push(`${before.gating} to ${after.gating} gating`);
  if (before.capacity !== after.capacity) parts.push(`capacity ${before.capacity} to ${after.capacity}`);
  if (before.tutelFactor !== after.tutelFactor)
    parts.push(`Tutel factor ${before.tutelFactor} to ${after.tutelFactor}`);
  if (before.rebalanceEvery !== after.rebalanceEvery) {
    parts.push(after.rebalanceEvery === 0 ? 're-balancing off' : `re-balance every ${after.rebalanceEvery} steps`);
  }
  if (before.batch !== after.batch) parts.push(`batch ${before.batch} to ${after.batch}`);
  return parts.join(', ') || 'no change';
}
