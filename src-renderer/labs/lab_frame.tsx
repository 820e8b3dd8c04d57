import '../charts/charts.css';
import './lab.css';
import { FolderOpen, Play, RotateCw, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import type { LabSubject } from '../../engine/protocol/labs.ts';
import { useSession } from '../app/context.tsx';
import { count } from '../format/numbers.ts';
import { plural } from '../format/words.ts';
import { CommandButton } from '../widgets/command_button.tsx';
import { LabWork } from './lab_work.tsx';
import { SourcePicker } from './source_picker.tsx';
import type { Lab } from './use_lab.ts';
import { useSlow } from './use_slow.ts';

interface LabFrameProps<R> {
  readonly lab: Lab<R>;
  /** What was looked at, once known. A lab without a picker (it experiments with the open model) says it in `heading`. */
  readonly subject?: LabSubject;
  readonly heading?: ReactNode;
  /** Knobs of the question, at the right of the bar. */
  readonly controls?: ReactNode;
  /** What is being done while there is no answer yet: "Replaying every policy at every size". */
  readonly task: string;
  readonly warnings?: readonly string[];
  readonly children: (result: R) => ReactNode;
}

/** A lab: its bar, the states before and beside an answer, and the answer. */
export function LabFrame<R>({ lab, subject, heading, controls, task, warnings = [], children }: LabFrameProps<R>) {
  const words = subject === undefined ? '' : subjectWords(subject);
  return (
    <div className="lab">
      <div className="lab-bar">
        {heading ?? <SourcePicker />}
        <span className="lab-subject" title={words}>
          {words}
        </span>
        <LabStatus lab={lab} task={task} />
        {controls}
      </div>
      {lab.result !== undefined && <LabWarnings warnings={warnings} />}
      {lab.result !== undefined && lab.blank === undefined ? (
        <div className="lab-body" data-stale={lab.isStale} aria-busy={lab.isAsking && lab.isStale}>
          {children(lab.result)}
        </div>
      ) : (
        <LabBlank lab={lab} task={task} />
      )}
    </div>
  );
}

/** What to keep in mind when reading the figures, in whole sentences. */
export function LabWarnings({ warnings }: { readonly warnings: readonly string[] }) {
  if (warnings.length === 0) return null;
  return (
    <ul className="lab-warnings" aria-label="What to keep in mind">
      {warnings.map((warning) => (
        <li key={warning}>
          <TriangleAlert size={13} aria-hidden />
          {warning}
        </li>
      ))}
    </ul>
  );
}

/** "OLMoE-1B-7B, 16 MoE layers, 64 experts, top 8 · 299 steps, 299 tokens". */
function subjectWords({ model, moeLayers, experts, topK, steps, tokens, devices }: LabSubject): string {
  const shape = `${model}, ${plural(moeLayers.length, 'MoE layer')}, ${count(experts)} experts, top ${topK}`;
  const length = `${plural(steps, 'step')}, ${plural(tokens, 'token')}`;
  return `${shape} · ${length}${devices > 1 ? `, ${count(devices)} devices` : ''}`;
}

/** Beside an answer that is there: a new one is being computed, or was let go of, or failed. */
function LabStatus<R>({ lab, task }: { readonly lab: Lab<R>; readonly task: string }) {
  const gone = useSession((s) => s.host.kind === 'gone');
  // A table that follows a run is computed every few seconds: only what takes long is worth a word.
  const isSlow = useSlow(lab.isAsking && lab.result !== undefined);
  if (lab.result === undefined || lab.blank !== undefined) return null;
  if (gone) return <span className="lab-status">The engine is gone: the last answer</span>;
  if (isSlow || (lab.isAsking && lab.isStale)) {
    return (
      <span className="lab-status" role="status">
        <span className="lab-spinner" aria-hidden />
        {lab.progress?.text ?? `${task}…`}
        <button type="button" className="button button-quiet" onClick={lab.cancel}>
          Cancel
        </button>
      </span>
    );
  }
  if (lab.error !== undefined || lab.isCancelled) {
    return (
      <span className="lab-status" role="status">
        <span className={lab.error === undefined ? undefined : 'bad'}>
          {lab.error ?? (lab.isStale ? 'Cancelled: this is the answer before' : 'Cancelled')}
        </span>
        <button type="button" className="button button-quiet" onClick={lab.again}>
          <RotateCw size={13} aria-hidden />
          {lab.error === undefined ? 'Compute' : 'Try again'}
        </button>
      </span>
    );
  }
  return null;
}

/** Nothing to show yet: why, and the way on. */
function LabBlank<R>({ lab, task }: { readonly lab: Lab<R>; readonly task: string }) {
  if (lab.blank !== undefined) {
    return (
      <div className="empty">
        <p className="dim" role="status">
          {lab.blank}
        </p>
        <div className="empty-buttons">
          {!lab.isFollowing && (
            <CommandButton command="run.toggle" className="button-main">
              <Play size={14} aria-hidden />
              Run
            </CommandButton>
          )}
          <OpenFile>Open a recorded run or a trace…</OpenFile>
        </div>
      </div>
    );
  }
  if (lab.error !== undefined && lab.isFollowing) {
    return (
      <div className="empty">
        <p className="dim" role="status">
          {withoutField(lab.error)}
        </p>
        <p className="hint">Asked again as the run goes on.</p>
        <OpenFile>Open a recorded run or a trace…</OpenFile>
      </div>
    );
  }
  if (lab.error !== undefined || lab.isCancelled) {
    return (
      <div className="empty" role={lab.error === undefined ? undefined : 'alert'}>
        <p>{lab.error ?? 'Cancelled before there was an answer.'}</p>
        <div className="empty-buttons">
          <button type="button" className="button button-main" onClick={lab.again}>
            <RotateCw size={14} aria-hidden />
            {lab.error === undefined ? 'Compute' : 'Try again'}
          </button>
          <OpenFile>Open another file…</OpenFile>
        </div>
      </div>
    );
  }
  return (
    <LabWork task={task} progress={lab.progress}>
      <button type="button" className="button" onClick={lab.cancel}>
        Cancel
      </button>
    </LabWork>
  );
}

function OpenFile({ children }: { readonly children: string }) {
  return (
    <CommandButton command="lab.open">
      <FolderOpen size={14} aria-hidden />
      {children}
    </CommandButton>
  );
}

/** A refusal begins with the field that it is about; here the field was nobody's choice. */
const withoutField = (refusal: string): string => refusal.replace(/^[a-z]\w*: /, '');
