import { app, Menu, type MenuItemConstructorOptions } from 'electron';
import { COMMAND_MENUS, type MenuEntry } from './menu_commands.ts';

/** The native menu: commands of the page by their ids, and what only the system can do (clipboard, zoom, quit). */
export function buildMenu(runCommand: (id: string) => void): Menu {
  const item = (entry: MenuEntry): MenuItemConstructorOptions =>
    entry === 'separator'
      ? { type: 'separator' }
      : {
          label: entry.label,
          accelerator: entry.accelerator,
          // Shown only: the page binds its own keys, and knows when a text field wants them.
          registerAccelerator: false,
          click: () => runCommand(entry.command),
        };
  const isMac = process.platform === 'darwin';
  const forDevelopers: MenuItemConstructorOptions[] = app.isPackaged
    ? []
    : [{ type: 'separator' }, { role: 'reload' }, { role: 'toggleDevTools' }];

  return Menu.buildFromTemplate([
    ...(isMac ? [{ role: 'appMenu' as const }] : []),
    {
      label: 'File',
      submenu: [...COMMAND_MENUS.file.map(item), { type: 'separator' }, isMac ? { role: 'close' } : { role: 'quit' }],
    },
    {
      label: 'Edit',
      submenu: [
        ...COMMAND_MENUS.edit.map(item),
        { type: 'separator' },
        { role: 'cut' },
        { role: 'copy' },
        { role: 'paste' },
        { role: 'selectAll' },
      ],
    },
    { label: 'Run', submenu: COMMAND_MENUS.run.map(item) },
    {
      label: 'View',
      submenu: [
        ...COMMAND_MENUS.view.map(item),
        { type: 'separator' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { role: 'resetZoom' },
        { role: 'togglefullscreen' },
        ...forDevelopers,
      ],
    },
    { role: 'windowMenu' },
    { label: 'Help', role: 'help', submenu: [...COMMAND_MENUS.help.map(item), { role: 'about' }] },
  ]);
}
