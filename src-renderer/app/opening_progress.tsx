import { CommandButton } from '../widgets/command_button.tsx';
import { useSession } from './context.tsx';

/** What the engine is doing before the first step, with a bar where the length is known. */
export function OpeningProgress({ compact }: { readonly compact: boolean }) {
  const progress = useSession((s) => s.progress);
  const state = useSession((s) => s.snapshot.state);
  const connecting = useSession((s) => s.host.kind === 'connecting');
  const words = connecting
    ? 'Starting the engine'
    : (progress?.text ?? (state === 'starting' ? 'Starting the run' : 'Opening the model'));
  const { fraction } = progress ?? {};
  return (
    <div className={compact ? 'opening opening-compact' : 'opening empty'}>
      <span className="opening-words">
        {words}
        {fraction !== undefined && <span className="dim"> {Math.floor(fraction * 100)}%</span>}
      </span>
      <div
        className={fraction === undefined ? 'progress progress-unknown' : 'progress'}
        role="progressbar"
        aria-label={words}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={fraction === undefined ? undefined : Math.floor(fraction * 100)}
      >
        <span style={fraction === undefined ? undefined : { width: `${fraction * 100}%` }} />
      </div>
      {state === 'starting' && !connecting && <CommandButton command="run.stop">Cancel</CommandButton>}
    </div>
  );
}
