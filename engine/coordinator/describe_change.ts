import type { RunSettings } from '../protocol/settings.ts';

/** What changed, short enough for a line on a chart: "64 to 24 slots", "lifo to lru". */
export function describeChange(before: RunSettings, after: RunSettings): string {
  const parts: string[] = [];
  if (before.cacheSlots !== after.cacheSlots) parts.push(`${before.cacheSlots} to ${after.cacheSlots} slots`);
  if (before.eviction !== after.eviction) parts.push(`${before.eviction} to ${after.eviction}`);
  if (before.placement !== after.placement) parts.push(`${before.placement} to ${after.placement}`);
  if (before.batch !== after.batch) parts.push(`batch ${before.batch} to ${after.batch}`);
  return parts.join(', ') || 'no change';
}
