import type { CacheTable, ReplayPolicy } from '../../../engine/protocol/labs.ts';
import type { PlotLine } from '../../labs/line_plot.tsx';

/** Every policy keeps its colour, whichever is chosen; the chosen one wears the accent, MIN the colour of a bound. */
const COLOURS: Readonly<Partial<Record<ReplayPolicy, string>>> = {
  min: '--dim',
  lru: '--m-embedding',
  'lifo-lru': '--device-5',
  lifo: '--device-6',
  fifo: '--m-gating',
  lfu: '--m-execution',
  lfru: '--device-2',
  decayed: '--m-experts',
  sieve: '--device-3',
  's3-fifo': '--device-4',
};

export const policyColour = (policy: ReplayPolicy, chosen: ReplayPolicy | undefined): string =>
  policy === chosen ? '--accent' : (COLOURS[policy] ?? '--device-7');

export function policyLines(table: CacheTable, chosen: ReplayPolicy | undefined): readonly PlotLine[] {
  return table.rows.map(({ policy, title, missRate }) => ({
    id: policy,
    title,
    colour: policyColour(policy, chosen),
    y: missRate,
    isMain: policy === chosen,
    isDashed: policy === 'min',
    weight: policy === 'min' ? 50 : policy === 'lru' ? 10 : 0,
  }));
}
