import { PanelBottom } from 'lucide-react';
import type { RunState } from '../../engine/protocol/messages.ts';
import { bytesText } from '../format/bytes.ts';
import { count, fixed } from '../format/numbers.ts';
import { spanText } from '../format/time.ts';
import { plural } from '../format/words.ts';
import { useSession, useSettings, useStudio, useSummary } from './context.tsx';

const STATE_WORDS: Readonly<Record<RunState, string>> = {
  empty: 'Engine ready, no model open',
  opening: 'Opening the model',
  ready: 'Engine ready',
  starting: 'Starting the run',
  running: 'Engine running',
  paused: 'Paused',
  stopping: 'Stopping',
  finished: 'Run finished',
  failed: 'Run failed',
};

export function StatusBar() {
  return (
    <footer className="status">
      <EngineState />
      <FrameRate />
      <History />
      <span className="grow" />
      <RunSaved />
      <LogButton />
    </footer>
  );
}

function EngineState() {
  const host = useSession((s) => s.host);
  const state = useSession((s) => s.snapshot.state);
  const writer = useSession((s) => s.writer);
  const tone =
    host.kind === 'gone' || state === 'failed'
      ? 'bad'
      : host.kind === 'connecting'
        ? 'idle'
        : state === 'running'
          ? 'good'
          : 'idle';
  const words =
    host.kind === 'gone' ? 'Engine stopped' : host.kind === 'connecting' ? 'Connecting' : STATE_WORDS[state];
  return (
    <span className="status-item" role="status">
      <span className={`status-dot status-${tone}`} aria-hidden />
      {words}
      {!writer && host.kind === 'running' && ', read only: another window controls it'}
    </span>
  );
}

function FrameRate() {
  const rate = useSummary((s) => s.framesPerSecond);
  const dropped = useSummary((s) => s.droppedFrames);
  const steps = useSummary((s) => s.droppedSteps);
  const running = useSession((s) => s.snapshot.state === 'running');
  const runId = useSummary((s) => s.runId);
  if (runId === undefined) return null;
  return (
    <span className="status-item">
      {running ? `${fixed(rate, 0)} Hz, ` : ''}
      {plural(dropped, 'frame')} dropped
      {steps > 0 && `, ${plural(steps, 'step')} left out`}
    </span>
  );
}

function History() {
  const ms = useSummary((s) => s.historyMs);
  const bytes = useSummary((s) => s.historyBytes);
  const budget = useSummary((s) => s.historyBudgetBytes);
  if (budget === 0) return null;
  return (
    <span className="status-item status-history">
      History {spanText(ms)}, {bytesText(bytes)} of {bytesText(budget)}
    </span>
  );
}

function RunSaved() {
  const run = useSession((s) => s.snapshot.run);
  const state = useSession((s) => s.snapshot.state);
  const done = useSummary((s) => s.sequencesDone);
  const total = useSummary((s) => s.sequencesTotal);
  if (run === undefined) return null;
  const recording = state === 'running' || state === 'paused' || state === 'starting';
  return (
    <span className="status-item" title={run.path}>
      {total > 0 && `${count(done)} of ${plural(total, 'sequence')} done · `}
      {run.id}, {recording ? 'being saved' : 'saved'}
    </span>
  );
}

function LogButton() {
  const { commands } = useStudio();
  const open = useSettings((s) => s.ui.logOpen);
  const errors = useSession((s) => s.log.filter(({ level }) => level === 'error').length);
  const warnings = useSession((s) => s.log.filter(({ level }) => level === 'warn').length);
  return (
    <button
      type="button"
      className="button button-quiet status-log"
      aria-expanded={open}
      onClick={() => commands.execute('view.log')}
    >
      <PanelBottom size={13} aria-hidden />
      Log
      {errors > 0 && <span className="log-errors">{plural(errors, 'error')}</span>}
      {warnings > 0 && <span className="log-warnings">{plural(warnings, 'warning')}</span>}
    </button>
  );
}
