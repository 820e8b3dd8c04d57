import { FlaskConical } from 'lucide-react';
import type { GatingTable } from '../../../engine/protocol/labs.ts';
import { useSession } from '../../app/context.tsx';
import type { QueryState } from '../../labs/lab_query.ts';
import { LabWork } from '../../labs/lab_work.tsx';
import { CommandButton } from '../../widgets/command_button.tsx';
import { isRunInProgress } from './gating_lab.ts';

/** Before the first figures: what the experiment is, why it cannot start now, how far it is, or why it failed. */
export function GatingBlank({ state }: { readonly state: QueryState<GatingTable> }) {
  const model = useSession((s) => s.snapshot.model?.name);
  const progress = useSession((s) => s.progress);
  const isRunning = useSession((s) => isRunInProgress(s.snapshot.state));
  if (state.isAsking) {
    return (
      <LabWork task="Measuring every gating policy" progress={progress?.task === 'gatingLab' ? progress : undefined}>
        <CommandButton command="gating.cancel">Cancel</CommandButton>
      </LabWork>
    );
  }
  return (
    <div className="empty">
      <h2>The same tokens through every gating policy</h2>
      <p className="dim">
        Static, Tutel, FastMoE, MegaBlocks and dynamic gating run the same steps of {model ?? 'the open model'}, one
        after the other: slots, padding and drops are counted, time and memory measured, and the held-out sample tells
        what a smaller capacity costs. It takes about a minute.
      </p>
      {state.error !== undefined && (
        <p className="bad" role="alert">
          {state.error}
        </p>
      )}
      {state.isCancelled && <p className="dim">Cancelled before there was an answer.</p>}
      {isRunning && <p>A run has the model now, so nothing could be measured beside it.</p>}
      <div className="empty-buttons">
        <CommandButton command={isRunning ? 'gating.stopAndMeasure' : 'gating.measure'} className="button-main">
          <FlaskConical size={14} aria-hidden />
          {isRunning ? 'Stop the run and measure' : 'Measure'}
        </CommandButton>
      </div>
    </div>
  );
}
