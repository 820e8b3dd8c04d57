import { CommandButton } from '../widgets/command_button.tsx';
import { ProgressBar } from '../widgets/progress_bar.tsx';
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
      <ProgressBar label={words} fraction={fraction} />
      {state === 'starting' && !connecting && <CommandButton command="run.stop">Cancel</CommandButton>}
    </div>
  );
}
