import type { RunInfo } from '../../engine/protocol/messages.ts';
import type { RunSettings } from '../../engine/protocol/settings.ts';
import { percentText } from '../format/numbers.ts';
import { msText } from '../format/time.ts';
import { plural } from '../format/words.ts';
import type { ComputedTotals } from '../stores/summary.ts';

type Draft = Pick<RunSettings, 'copyAfterRows' | 'gating' | 'devices'>;

/** Gating that asks for every expert in every step: nothing is computed under it. */
const PADS: readonly RunSettings['gating'][] = ['static', 'tutel'];

/** What happens to missing experts in this run: what is in force, and what the host computed so far. */
export function copiesSays(draft: Draft, run: RunInfo | undefined, totals: ComputedTotals | undefined): string {
  if (draft.copyAfterRows === 0) return 'Copied when asked for';
  if (PADS.includes(draft.gating)) return 'This gating asks for all: all are copied';
  if (draft.copyAfterRows === 'auto' && draft.devices.every(({ id }) => id.startsWith('cpu:')))
    return 'On a CPU there is no link to spare: copied';
  const rows = Math.max(0, ...(run?.copyAfterRows ?? []));
  const inForce = draft.copyAfterRows === 'auto' && rows > 0 ? `A copy costs ${plural(rows, 'row')}. ` : '';
  if (totals === undefined) return `${inForce}Rare ones are computed on the host`;
  const { computed, misses, steps, ms } = totals;
  return `${inForce}${percentText(computed / misses)} of misses on the host, ${msText(ms / Math.max(1, steps))} a step`;
}
