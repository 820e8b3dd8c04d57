import { Menu } from '@base-ui/react/menu';
import { Braces, Download, FileText } from 'lucide-react';
import { useCommandEnabled } from '../widgets/command_button.tsx';
import { Keys } from '../widgets/keys.tsx';
import { useStudio } from './context.tsx';

export function ExportMenu() {
  const { commands } = useStudio();
  const enabled = useCommandEnabled('export.html');
  return (
    <Menu.Root>
      <Menu.Trigger className="button" disabled={!enabled}>
        <Download size={14} aria-hidden />
        Export
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner className="popup-layer" sideOffset={4} align="end">
          <Menu.Popup className="popup">
            <Menu.Item className="popup-item" onClick={() => commands.execute('export.html')}>
              <FileText size={14} aria-hidden />
              Report as HTML…
              <Keys hotkey="Mod+E" />
              <span className="hint">One file with charts, tables and settings</span>
            </Menu.Item>
            <Menu.Item className="popup-item" onClick={() => commands.execute('export.json')}>
              <Braces size={14} aria-hidden />
              Report as JSON…
              <span />
              <span className="hint">The same numbers for a program</span>
            </Menu.Item>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
