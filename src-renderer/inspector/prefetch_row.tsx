import { memo } from 'react';
import { PrefetchName } from '../../engine/protocol/settings.ts';
import { useSummary } from '../app/context.tsx';
import { prefetchTitle } from '../stores/run_settings.ts';
import { Choice, type ChoiceOption } from '../widgets/choice.tsx';
import { Row } from '../widgets/row.tsx';
import { prefetchSays } from './prefetch_words.ts';
import type { Knobs } from './use_knobs.ts';

const HINTS: Readonly<Record<PrefetchName, string>> = {
  off: 'An expert is loaded when a step needs it',
  echo: 'Before a layer runs: what the most similar steps used there. A CPU loads on the same thread, so only experts used anyway save time',
  router:
    'A layer early: what the next layer’s router chooses for this layer’s hidden states. Asking it is timed as gate; a CPU loads on the same thread',
};

const OPTIONS: readonly ChoiceOption<PrefetchName>[] = PrefetchName.options.map((value) => ({
  value,
  label: prefetchTitle(value),
  hint: HINTS[value],
}));

/** Not drawn again while the slider above is moved. */
export const PrefetchRow = memo(function PrefetchRow({
  knobs: { draft, disabled, isPending, change },
}: {
  readonly knobs: Knobs;
}) {
  const totals = useSummary((s) => s.prefetches);
  return (
    <Row
      label="Prefetch"
      labelId="label-prefetch"
      pending={isPending('prefetch')}
      says={prefetchSays(draft.prefetch, totals)}
    >
      <Choice
        id="choice-prefetch"
        labelledBy="label-prefetch"
        value={draft.prefetch}
        options={OPTIONS}
        disabled={disabled}
        onChoose={(prefetch) => change({ prefetch })}
      />
    </Row>
  );
});
