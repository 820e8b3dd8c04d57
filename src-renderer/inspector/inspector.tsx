import './inspector.css';
import { Redo2, Undo2 } from 'lucide-react';
import { useSession, useSettings } from '../app/context.tsx';
import { list } from '../format/words.ts';
import { pendingKeys, settingName } from '../stores/run_settings.ts';
import { CommandButton } from '../widgets/command_button.tsx';
import { CacheSection } from './cache_section.tsx';
import { GatingSection } from './gating_section.tsx';
import { PlacementSection } from './placement_section.tsx';
import { PrecisionSection } from './precision_section.tsx';
import { useKnobs } from './use_knobs.ts';
import { WorkloadSection } from './workload_section.tsx';

/** The knobs, each with its consequence beside it. */
export function Inspector() {
  const knobs = useKnobs();
  return (
    <aside className="inspector" aria-label="Settings">
      {/* With every knob disabled nothing inside takes the focus, and the keyboard could not scroll. */}
      <div className="inspector-scroll" tabIndex={knobs?.disabled ? 0 : undefined}>
        {knobs === undefined ? (
          <p className="hint">Settings appear here when a model is open.</p>
        ) : (
          <>
            <CacheSection knobs={knobs} />
            <PlacementSection knobs={knobs} />
            <GatingSection knobs={knobs} />
            <PrecisionSection knobs={knobs} />
            <WorkloadSection knobs={knobs} />
          </>
        )}
      </div>
      <InspectorFoot />
    </aside>
  );
}

/** What waits for the next run, and the last change with the way back. */
function InspectorFoot() {
  const snapshot = useSession((s) => s.snapshot);
  const draft = useSettings((s) => s.draft);
  const last = useSettings((s) => s.past.at(-1));
  const pending = pendingKeys(draft, snapshot);
  return (
    <div className="inspector-foot">
      {pending.length > 0 && (
        <div className="pending">
          <span>{list(pending.map(settingName))} will apply to the next run</span>
          <CommandButton command="run.restart">Restart run</CommandButton>
        </div>
      )}
      <div className="undo-line">
        <span className="hint undo-words">{last === undefined ? 'No settings changed yet' : last.label}</span>
        <CommandButton command="settings.undo" iconOnly className="button-quiet">
          <Undo2 size={14} aria-hidden />
        </CommandButton>
        <CommandButton command="settings.redo" iconOnly className="button-quiet">
          <Redo2 size={14} aria-hidden />
        </CommandButton>
      </div>
    </div>
  );
}
