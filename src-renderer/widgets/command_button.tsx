import { type ReactNode, useCallback, useSyncExternalStore } from 'react';
import { useStudio } from '../app/context.tsx';
import { Tip } from './tip.tsx';

/** Whether a command can run now; follows the state that commands ask for. */
export function useCommandEnabled(id: string): boolean {
  const { commands, session, settings, summary } = useStudio();
  const subscribe = useCallback(
    (changed: () => void) => {
      const offs = [session.subscribe(changed), settings.subscribe(changed), summary.subscribe(changed)];
      return () => {
        for (const off of offs) off();
      };
    },
    [session, settings, summary],
  );
  return useSyncExternalStore(subscribe, () => commands.canRun(id));
}

interface CommandButtonProps {
  readonly command: string;
  /** Shown instead of the command's title. */
  readonly children?: ReactNode;
  readonly className?: string;
  /** For buttons that show an icon only. */
  readonly iconOnly?: boolean;
}

/** A button that runs a command and says its name and hotkey on hover. */
export function CommandButton({ command: id, children, className = '', iconOnly = false }: CommandButtonProps) {
  const { commands } = useStudio();
  const command = commands.get(id);
  const enabled = useCommandEnabled(id);
  if (command === undefined) throw new Error(`No command is called ${id}`);
  return (
    <Tip text={command.title} hotkey={command.hotkeys?.[0]}>
      <button
        type="button"
        className={`button ${iconOnly ? 'button-icon' : ''} ${className}`}
        aria-label={iconOnly ? command.title : undefined}
        disabled={!enabled}
        onClick={() => commands.execute(id)}
      >
        {children ?? command.title}
      </button>
    </Tip>
  );
}
