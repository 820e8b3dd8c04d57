import { useState } from 'react';
import { GatingName } from '../../engine/protocol/settings.ts';
import { useSession, useSummary } from '../app/context.tsx';
import { plain } from '../format/numbers.ts';
import { gatingTitle, shortTitle } from '../stores/run_settings.ts';
import { Choice, type ChoiceOption } from '../widgets/choice.tsx';
import { NumberInput } from '../widgets/number_input.tsx';
import { Row } from '../widgets/row.tsx';
import { CapacitySlider } from './capacity_slider.tsx';
import { capacityText, droppedShare, GATING_HINTS, GATING_SAYS, isInForce, tutelText } from './gating_words.ts';
import type { Knobs } from './use_knobs.ts';

const POLICIES: readonly ChoiceOption<GatingName>[] = GatingName.options.map((value) => ({
  value,
  label: gatingTitle(value),
  short: shortTitle(value),
  hint: GATING_HINTS[value],
}));

/** How tokens come to experts, and what that wastes and drops. */
export function GatingSection({ knobs: { model, draft, disabled, isPending, change } }: { readonly knobs: Knobs }) {
  const run = useSession((s) => s.snapshot.run?.settings);
  const droppedPerToken = useSummary((s) => s.droppedPerToken);
  const [moving, setMoving] = useState<number>();
  const { gating, tutelFactor } = draft;
  const capacity = moving ?? draft.capacity;
  // What was dropped lately says nothing about a capacity that the thumb has only just come to.
  const measured = isInForce({ ...draft, capacity }, run) ? droppedShare(model, droppedPerToken) : undefined;
  return (
    <section className="section" aria-label="Gating">
      <h3 className="section-title">Gating</h3>
      <Row label="Policy" labelId="label-gating" pending={isPending('gating')} says={GATING_SAYS[gating]}>
        <Choice
          id="choice-gating"
          labelledBy="label-gating"
          value={gating}
          options={POLICIES}
          disabled={disabled}
          onChoose={(policy) => change({ gating: policy })}
        />
      </Row>
      {gating === 'static' && (
        <>
          <Row label="Capacity" pending={isPending('capacity')} says={capacityText(model, capacity, measured)}>
            <span>{plain(capacity)}</span>
          </Row>
          <CapacitySlider
            value={capacity}
            disabled={disabled}
            onMove={setMoving}
            onSettle={(settled) => {
              setMoving(undefined);
              change({ capacity: settled });
            }}
          />
        </>
      )}
      {gating === 'tutel' && (
        <Row label="Capacity factor" pending={isPending('tutelFactor')} says={tutelText(tutelFactor, measured)}>
          <NumberInput
            id="tutelFactor"
            label="Capacity factor of Tutel"
            value={tutelFactor}
            min={-16}
            max={16}
            step={0.25}
            disabled={disabled}
            onCommit={(factor) => change({ tutelFactor: factor })}
          />
        </Row>
      )}
    </section>
  );
}
