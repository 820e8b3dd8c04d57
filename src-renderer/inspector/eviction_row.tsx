import type { EvictionName } from '../../engine/protocol/settings.ts';
import { evictionTitle } from '../stores/run_settings.ts';
import { Choice, type ChoiceOption } from '../widgets/choice.tsx';
import { Row } from '../widgets/row.tsx';
import type { Knobs } from './use_knobs.ts';

const HINTS: Readonly<Record<EvictionName, string>> = {
  lifo: 'Idle in this step first, of them the newest in',
  'lifo-lru': 'Idle in this step first, of them the longest unused',
  lru: 'The longest unused first, idle or not',
};

const SAYS: Readonly<Record<EvictionName, string>> = {
  lifo: 'Idle first, newest in first',
  'lifo-lru': 'Idle first, longest unused',
  lru: 'Longest unused first',
};

const OPTIONS: readonly ChoiceOption<EvictionName>[] = (['lifo', 'lifo-lru', 'lru'] as const).map((value) => ({
  value,
  label: evictionTitle(value),
  hint: HINTS[value],
}));

export function EvictionRow({ knobs: { draft, disabled, isPending, change } }: { readonly knobs: Knobs }) {
  return (
    <Row label="Eviction" labelId="label-eviction" pending={isPending('eviction')} says={SAYS[draft.eviction]}>
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
}
