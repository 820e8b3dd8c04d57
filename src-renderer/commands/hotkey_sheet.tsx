import { Dialog } from '@base-ui/react/dialog';
import { useStudio } from '../app/context.tsx';
import { Keys } from '../widgets/keys.tsx';

/** All hotkeys, read from the command registry. */
export function HotkeySheet() {
  const { commands } = useStudio();
  const withKeys = commands.all().filter(({ hotkeys }) => hotkeys !== undefined);
  const groups = [...new Set(withKeys.map(({ group }) => group))];
  return (
    <div className="dialog-body">
      <Dialog.Title className="dialog-title">Keyboard shortcuts</Dialog.Title>
      <div className="sheet">
        {groups.map((group) => (
          <section key={group} className="sheet-group">
            <h3 className="section-title">{group}</h3>
            {withKeys
              .filter((command) => command.group === group)
              .map(({ id, title, hotkeys = [] }) => (
                <div key={id} className="sheet-row">
                  <span>{title}</span>
                  <span className="sheet-keys">
                    {hotkeys.map((hotkey) => (
                      <Keys key={hotkey} hotkey={hotkey} />
                    ))}
                  </span>
                </div>
              ))}
          </section>
        ))}
      </div>
      <div className="dialog-buttons">
        <Dialog.Close className="button">Close</Dialog.Close>
      </div>
    </div>
  );
}
