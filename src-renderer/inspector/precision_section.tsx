import './precision_section.css';
import { useEffect } from 'react';
import { useStore } from 'zustand/react';
import { bytesHeld, type ModelSummary } from '../../engine/protocol/model.ts';
import { type Precision, PrecisionName } from '../../engine/protocol/settings.ts';
import { useSession, useStudio } from '../app/context.tsx';
import { bytesText } from '../format/bytes.ts';
import { precisionTitle } from '../format/precision_names.ts';
import { plural } from '../format/words.ts';
import { Choice, type ChoiceOption } from '../widgets/choice.tsx';
import { CommandButton } from '../widgets/command_button.tsx';
import { Row } from '../widgets/row.tsx';
import { PrecisionPrice } from './precision_price.tsx';
import type { Knobs } from './use_knobs.ts';

const HINTS: Readonly<Record<PrecisionName, string>> = {
  stored: 'As in the checkpoint where the device computes in that; a CPU device in float32',
  fp32: '32-bit floats; experts packed as such on disk where the checkpoint has other types, for the fastest loads',
  fp16: '16-bit floats, widened to 32 bits in every product; a card must compute in them',
  int8: '8 bits and a scale for every 32 weights',
  int4: '4 bits, a scale and a zero point for every 32 weights',
};

const OPTIONS: readonly ChoiceOption<PrecisionName>[] = PrecisionName.options.map((value) => ({
  value,
  label: precisionTitle(value),
  hint: HINTS[value],
}));

/** What weights are held as: what that saves, and what it costs. */
export function PrecisionSection({ knobs }: { readonly knobs: Knobs }) {
  const { model, draft, disabled, isPending, change } = knobs;
  const { precision } = draft;
  const held = bytesHeld(model, precision);
  const inForce = useSession((s) => s.snapshot.run?.settings.precision);
  const isNext = (part: keyof Precision) => isPending('precision') && inForce?.[part] !== precision[part];
  const choose = (part: keyof Precision) => (name: PrecisionName) =>
    change({ precision: { ...precision, [part]: name } });
  return (
    <section className="section" aria-label="Precision">
      <h3 className="section-title">Precision</h3>
      <Row label="Experts" labelId="label-experts" pending={isNext('experts')} says={expertsSay(model, precision)}>
        <Choice
          id="choice-experts"
          labelledBy="label-experts"
          value={precision.experts}
          options={OPTIONS}
          disabled={disabled}
          onChoose={choose('experts')}
        />
      </Row>
      <Row
        label="Dense part"
        labelId="label-dense"
        pending={isNext('dense')}
        says={`${bytesText(held.attention + held.otherDense)} a device, routers in float32`}
      >
        <Choice
          id="choice-dense"
          labelledBy="label-dense"
          value={precision.dense}
          options={OPTIONS}
          disabled={disabled}
          onChoose={choose('dense')}
        />
      </Row>
      <PrecisionPrice model={model} chosen={precision} />
      <PacksLine />
    </section>
  );
}

function expertsSay(model: ModelSummary, precision: Precision): string {
  const { perExpert } = bytesHeld(model, precision);
  const full = model.deviceBytes.perExpert;
  const each = `${bytesText(perExpert)} each`;
  return perExpert === full ? each : `${each}, ${Math.round((100 * perExpert) / full)}% of float32`;
}

/** Packs on disk, looked at again when a run or a measurement may have made one. */
function PacksLine() {
  const { precisionLab } = useStudio();
  const found = useStore(precisionLab.packs, (state) => state.found);
  const isConnected = useSession((s) => s.host.kind === 'running');
  const state = useSession((s) => s.snapshot.state);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the state is what makes or frees packs
  useEffect(() => {
    // An engine that is just going away answers nothing; the next one is asked when it is there.
    if (isConnected) precisionLab.lookForPacks().catch(() => undefined);
  }, [precisionLab, isConnected, state]);
  if (found === undefined || found.packs.length === 0) return null;
  const bytes = found.packs.reduce((sum, pack) => sum + pack.bytes, 0);
  return (
    <p className="hint packs" title={found.folder}>
      {plural(found.packs.length, 'expert pack')} on disk, {bytesText(bytes)}{' '}
      <CommandButton command="packs.empty" className="button-link">
        Empty
      </CommandButton>
    </p>
  );
}
