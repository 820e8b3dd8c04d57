import { NumberInput } from '../widgets/number_input.tsx';
import { Row } from '../widgets/row.tsx';
import type { Knobs } from './use_knobs.ts';

type NumberSetting =
  | 'promptCount'
  | 'promptTokens'
  | 'newTokens'
  | 'temperature'
  | 'topK'
  | 'topP'
  | 'repetitionPenalty'
  | 'seed';

interface NextRunNumberProps {
  readonly knobs: Knobs;
  readonly setting: NumberSetting;
  readonly label: string;
  readonly min?: number;
  readonly max: number;
  readonly step?: number;
  readonly says?: string;
}

/** A number that a run takes only at its start. */
export function NextRunNumber({ knobs, setting, label, min = 1, max, step, says }: NextRunNumberProps) {
  return (
    <Row label={label} pending={knobs.isPending(setting)} says={says}>
      <NumberInput
        id={setting}
        label={label}
        value={knobs.draft[setting]}
        min={min}
        max={max}
        step={step}
        disabled={knobs.disabled}
        onCommit={(value) => knobs.change({ [setting]: value })}
      />
    </Row>
  );
}
