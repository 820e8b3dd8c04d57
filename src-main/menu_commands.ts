/** A command of the page's registry (src-renderer/commands/commands.ts) as it stands in the native menu. */
export interface MenuCommand {
  readonly command: string;
  readonly label: string;
  /** In Electron's notation. */
  readonly accelerator?: string;
}
export type MenuEntry = MenuCommand | 'separator';

export const COMMAND_MENUS: Readonly<Record<'file' | 'edit' | 'run' | 'view' | 'help', readonly MenuEntry[]>> = {
  file: [
    { command: 'model.open', label: 'Open Model Folder…', accelerator: 'CmdOrCtrl+O' },
    { command: 'model.openBundled', label: 'Open Demo Language Model' },
    { command: 'model.openTranslation', label: 'Open Demo Translation Model' },
    { command: 'lab.open', label: 'Open Run or Trace…', accelerator: 'CmdOrCtrl+Shift+O' },
    'separator',
    { command: 'export.html', label: 'Export Report as HTML…', accelerator: 'CmdOrCtrl+E' },
    { command: 'export.json', label: 'Export Report as JSON…' },
  ],
  edit: [
    { command: 'settings.undo', label: 'Undo Settings Change', accelerator: 'CmdOrCtrl+Z' },
    { command: 'settings.redo', label: 'Redo Settings Change', accelerator: 'CmdOrCtrl+Shift+Z' },
  ],
  run: [
    { command: 'run.toggle', label: 'Run or Pause', accelerator: 'Space' },
    { command: 'run.step', label: 'Run One Step', accelerator: '.' },
    { command: 'run.stop', label: 'Stop' },
    { command: 'run.restart', label: 'Restart With Settings Shown' },
  ],
  view: [
    { command: 'view.live', label: 'Live', accelerator: '1' },
    { command: 'view.experts', label: 'Experts', accelerator: '2' },
    { command: 'view.cache', label: 'Cache Lab', accelerator: '3' },
    { command: 'view.gating', label: 'Gating Lab', accelerator: '4' },
    { command: 'view.placement', label: 'Placement Lab', accelerator: '5' },
    'separator',
    { command: 'view.inspector', label: 'Inspector', accelerator: 'CmdOrCtrl+B' },
    { command: 'view.log', label: 'Log', accelerator: 'L' },
    'separator',
    { command: 'theme.system', label: 'System Theme' },
    { command: 'theme.light', label: 'Light Theme' },
    { command: 'theme.dark', label: 'Dark Theme' },
  ],
  help: [
    { command: 'help.palette', label: 'Command Palette', accelerator: 'CmdOrCtrl+K' },
    { command: 'help.hotkeys', label: 'Keyboard Shortcuts', accelerator: '?' },
  ],
};
