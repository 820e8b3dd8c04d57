import { memo } from 'react';
import { EvictionChoice } from '../../engine/protocol/settings.ts';
import { useSummary } from '../app/context.tsx';
import { evictionTitle, shortTitle } from '../stores/run_settings.ts';
import { Choice, type ChoiceOption } from '../widgets/choice.tsx';
import { Row } from '../widgets/row.tsx';
import type { Knobs } from './use_knobs.ts';

const HINTS: Readonly<Record<EvictionChoice, string>> = {
  lifo: 'Idle in this step first, of them the newest in',
  'lifo-lru': 'Idle in this step first, of them the longest unused',
  lru: 'The longest unused first, idle or not',
  lfu: 'Idle first, of them the least often used',
  lfru: 'Idle first, of them the fewest uses for their age',
  decayed: 'Idle first, of them the least often used lately',
  fifo: 'Idle first, of them the oldest in',
  sieve: 'Idle first, the oldest in not used again',
  's3-fifo': 'Idle first, newcomers not used again',
  echo: 'Idle first, least wanted after steps like this one',
  pinned: 'The most used so far stay, one slot for the others',
  auto: 'Whichever would have missed least over the last 256 steps',
};

const SAYS: Readonly<Record<EvictionChoice, string>> = {
  lifo: 'Idle first, newest in first',
  'lifo-lru': 'Idle first, longest unused',
  lru: 'Longest unused first',
  lfu: 'Least often used first',
  lfru: 'Fewest uses for age first',
  decayed: 'Least used lately first',
  fifo: 'Oldest in first',
  sieve: 'Oldest in, unless used',
  's3-fifo': 'Newcomers unused first',
  echo: 'Least likely soon first',
  pinned: 'The most used so far stay',
  auto: 'The best of the last steps',
};

const OPTIONS: readonly ChoiceOption<EvictionChoice>[] = EvictionChoice.options.map((value) => ({
  value,
  label: evictionTitle(value),
  short: shortTitle(value),
  hint: HINTS[value],
}));

/** Not drawn again while the slider above is moved. */
export const EvictionRow = memo(function EvictionRow({
  knobs: { draft, disabled, isPending, change },
}: {
  readonly knobs: Knobs;
}) {
  const inForce = useSummary((s) => s.curve?.eviction);
  const chosen = draft.eviction === 'auto' && inForce !== undefined;
  return (
    <Row
      label="Eviction"
      labelId="label-eviction"
      pending={isPending('eviction')}
      says={chosen ? `Now ${evictionTitle(inForce)}` : SAYS[draft.eviction]}
    >
      <Choice
        id="choice-eviction"
        labelledBy="label-eviction"
        value={draft.eviction}
        options={OPTIONS}
        disabled={disabled}
        onChoose={(eviction) => change({ eviction })}
      />
    </Row>
  );
});
