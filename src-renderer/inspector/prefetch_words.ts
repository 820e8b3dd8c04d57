import type { PrefetchName } from '../../engine/protocol/settings.ts';
import { count, percentText } from '../format/numbers.ts';
import type { PrefetchTotals } from '../stores/summary.ts';

const SAYS: Readonly<Record<PrefetchName, string>> = {
  off: 'Loads when asked',
  echo: 'Loads what similar steps used',
  router: 'Loads what the next router foresees',
};

/** What prefetch does in this run: how much it loaded, how much of that was used, and what it cost. */
export function prefetchSays(prefetch: PrefetchName, totals: PrefetchTotals | undefined): string {
  if (prefetch === 'off' || totals === undefined) return SAYS[prefetch];
  const { ahead, used, harmed } = totals;
  if (ahead === 0) return 'Nothing foreseen so far';
  return `${count(ahead)} ahead, ${percentText(used / ahead)} used, ${count(harmed)} pushed out`;
}
