import { CacheScope } from '../../engine/protocol/settings.ts';
import { scopeTitle } from '../stores/run_settings.ts';
import { Choice, type ChoiceOption } from '../widgets/choice.tsx';
import { Row } from '../widgets/row.tsx';
import type { Knobs } from './use_knobs.ts';

const HINTS: Readonly<Record<CacheScope, string>> = {
  layer: 'Each layer has its own slots, as in the paper',
  device:
    'As many slots in all, shared: a layer that needs more takes them from others. Gains in large caches, loses in small ones',
};

const OPTIONS: readonly ChoiceOption<CacheScope>[] = CacheScope.options.map((value) => ({
  value,
  label: scopeTitle(value),
  hint: HINTS[value],
}));

/** Whose the slots are. */
export function ScopeRow({ knobs: { draft, model, disabled, isPending, change }, slots }: Props) {
  const layers = model.moeLayers.length;
  return (
    <Row
      label="Slots"
      labelId="label-scope"
      pending={isPending('cacheScope')}
      says={
        draft.cacheScope === 'layer'
          ? `${slots} for each of ${layers} layers`
          : `${slots * layers} for all ${layers} layers of a device together`
      }
    >
      <Choice
        id="choice-scope"
        labelledBy="label-scope"
        value={draft.cacheScope}
        options={OPTIONS}
        disabled={disabled}
        onChoose={(cacheScope) => change({ cacheScope })}
      />
    </Row>
  );
}

interface Props {
  readonly knobs: Knobs;
  readonly slots: number;
}
