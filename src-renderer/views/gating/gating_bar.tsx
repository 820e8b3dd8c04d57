import { RotateCw } from 'lucide-react';
import { useStore } from 'zustand/react';
import type { GatingTable } from '../../../engine/protocol/labs.ts';
import { useSession, useStudio } from '../../app/context.tsx';
import { LabKnob } from '../../labs/lab_knob.tsx';
import type { QueryState } from '../../labs/lab_query.ts';
import { CommandButton } from '../../widgets/command_button.tsx';
import { NumberInput } from '../../widgets/number_input.tsx';
import { isRunInProgress } from './gating_lab.ts';

interface GatingBarProps {
  readonly state: QueryState<GatingTable>;
  readonly isStale: boolean;
}

/** What is measured, with which knobs, and where the experiment stands. */
export function GatingBar({ state, isStale }: GatingBarProps) {
  const { gatingLab } = useStudio();
  const knobs = useStore(gatingLab.knobs);
  const model = useSession((s) => s.snapshot.model);
  const progress = useSession((s) => s.progress);
  const isRunning = useSession((s) => isRunInProgress(s.snapshot.state));
  const text = progress?.task === 'gatingLab' ? progress.text : 'Measuring';
  return (
    <div className="lab-bar gating-bar-knobs">
      <span className="chip">
        <b>{model?.name ?? 'No model'}</b>
        <span className="badge lab-wide">measured</span>
      </span>
      <span className="lab-status" role="status">
        {state.isAsking && state.result !== undefined && (
          <>
            <span className="lab-spinner" aria-hidden />
            {text}
            <CommandButton command="gating.cancel" className="button-quiet">
              Cancel
            </CommandButton>
          </>
        )}
        {!state.isAsking && state.error !== undefined && state.result !== undefined && (
          <span className="bad">{state.error}</span>
        )}
        {!state.isAsking && state.isCancelled && state.result !== undefined && 'Cancelled: the figures before'}
        {!state.isAsking && isStale && state.error === undefined && !state.isCancelled && (
          <span className="gating-stale">Measured with other settings</span>
        )}
      </span>
      <LabKnob label="C" long="Capacity" hint="of static gating">
        <NumberInput
          id="gating-capacity"
          label="Capacity C of static gating"
          value={knobs.capacity}
          min={0.01}
          max={1}
          step={0.05}
          disabled={state.isAsking}
          onCommit={(capacity) => gatingLab.knobs.setState({ capacity })}
        />
      </LabKnob>
      <LabKnob label="Tutel f" hint="0 takes the busiest expert's count">
        <NumberInput
          id="gating-tutel"
          label="Capacity factor f of Tutel"
          value={knobs.tutelFactor}
          min={-16}
          max={16}
          step={0.25}
          disabled={state.isAsking}
          onCommit={(tutelFactor) => gatingLab.knobs.setState({ tutelFactor })}
        />
      </LabKnob>
      <LabKnob label="Batch" hint="sequences a step">
        <NumberInput
          id="gating-batch"
          label="Batch, sequences a step"
          value={knobs.batch}
          min={1}
          max={256}
          disabled={state.isAsking}
          onCommit={(batch) => gatingLab.knobs.setState({ batch })}
        />
      </LabKnob>
      {state.result !== undefined && (
        <CommandButton
          command={isRunning ? 'gating.stopAndMeasure' : 'gating.measure'}
          className={isStale ? 'button-main' : ''}
        >
          <RotateCw size={14} aria-hidden />
          {isRunning ? 'Stop the run and measure' : 'Measure again'}
        </CommandButton>
      )}
    </div>
  );
}
