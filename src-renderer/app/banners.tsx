import { CircleAlert, TriangleAlert } from 'lucide-react';
import type { HostState } from '../stores/session.ts';
import { CommandButton } from '../widgets/command_button.tsx';
import { useSession, useStudio } from './context.tsx';

type Gone = Extract<HostState, { kind: 'gone' }>;

/** The engine process ended: why, its last words, and the ways on. What was recorded is on disk and said so. */
export function EngineGoneBanner({ host: { reason, exitCode, stderrTail } }: { readonly host: Gone }) {
  const { host } = useStudio();
  const run = useSession((s) => s.snapshot.run);
  const previous = useSession((s) => s.lastRunSettings !== undefined);
  return (
    <div className="banner banner-bad" role="alert">
      <CircleAlert size={18} aria-hidden />
      <div className="banner-text">
        <strong>
          {host.kind === 'browser' ? 'The engine cannot be reached' : 'The engine stopped'}: {reason}
          {exitCode !== undefined && ` (exit code ${exitCode})`}
        </strong>
        <p className="dim">
          {run === undefined ? 'No run was in progress.' : 'Every whole step so far is kept in the run file.'}
          {host.kind === 'browser' && ' Trying to connect again by itself.'}
        </p>
        {stderrTail.length > 0 && (
          <details open>
            <summary>Last lines of its error output</summary>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
            <pre className="mono stderr" tabIndex={0}>
              {stderrTail.join('\n')}
            </pre>
          </details>
        )}
        <div className="banner-buttons">
          <CommandButton command="engine.restart" className="button-main">
            {host.kind === 'browser' ? 'Connect again' : 'Restart'}
          </CommandButton>
          {previous && host.kind === 'desktop' && (
            <CommandButton command="engine.restartPrevious">Restart with previous settings</CommandButton>
          )}
          <CommandButton command="log.copy">Copy log</CommandButton>
        </div>
      </div>
    </div>
  );
}

/** The last operation failed; the engine is still there. */
export function FailedBanner() {
  const error = useSession((s) => s.snapshot.error);
  const state = useSession((s) => s.snapshot.state);
  if (error === undefined) return null;
  return (
    <div className="banner banner-warn" role="alert">
      <TriangleAlert size={18} aria-hidden />
      <div className="banner-text">
        <strong>{error}</strong>
        <div className="banner-buttons">
          {state === 'failed' && <CommandButton command="run.restart">Run again</CommandButton>}
          <CommandButton command="model.open">Open another model…</CommandButton>
        </div>
      </div>
    </div>
  );
}
