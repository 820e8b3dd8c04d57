import type { Studio } from '../app/context.tsx';
import { VIEWS } from '../app/views.ts';
import type { ThemeChoice } from '../stores/settings.ts';
import type { Command } from './registry.ts';

type Parts = Pick<Studio, 'actions' | 'settings' | 'selection' | 'dialogs'>;

/** What is shown, and how. */
export function viewCommands({ actions, settings, selection, dialogs }: Parts): Command[] {
  const ui = () => settings.getState().ui;
  const theme = (choice: ThemeChoice, title: string): Command => ({
    id: `theme.${choice}`,
    title,
    group: 'View',
    keywords: 'colour color appearance',
    when: () => ui().theme !== choice,
    run: () => actions.setUi({ theme: choice }),
  });
  return [
    ...VIEWS.map(
      ({ id, title, hotkey }): Command => ({
        id: `view.${id}`,
        title: `Show ${title}`,
        group: 'View',
        hotkeys: [hotkey],
        run: () => actions.setUi({ view: id }),
      }),
    ),
    {
      id: 'view.inspector',
      title: 'Show or hide the inspector',
      group: 'View',
      keywords: 'side bar settings panel',
      hotkeys: ['Mod+B'],
      run: () => actions.setUi({ inspectorOpen: !ui().inspectorOpen }),
    },
    {
      id: 'view.log',
      title: 'Show or hide the log',
      group: 'View',
      keywords: 'drawer messages errors',
      hotkeys: ['L'],
      run: () => actions.setUi({ logOpen: !ui().logOpen }),
    },
    {
      id: 'theme.toggle',
      title: 'Switch between light and dark',
      group: 'View',
      hotkeys: ['T'],
      run: () => actions.setUi({ theme: document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark' }),
    },
    theme('system', 'Theme of the system'),
    theme('light', 'Light theme'),
    theme('dark', 'Dark theme'),
    {
      id: 'selection.clear',
      title: 'Clear the pinned cursor',
      group: 'View',
      hotkeys: ['Escape'],
      when: () => selection.getState().pinned !== undefined && dialogs.getState().open === undefined,
      run: () => selection.getState().pin(undefined),
    },
  ];
}

/** The ways to find the others. */
export function helpCommands({ actions, dialogs }: Parts): Command[] {
  return [
    {
      id: 'help.palette',
      title: 'Command palette',
      group: 'Help',
      hotkeys: ['Mod+K', 'Mod+Shift+P'],
      inText: true,
      run: () => dialogs.setState((s) => ({ open: s.open === 'palette' ? undefined : 'palette' })),
    },
    {
      id: 'help.hotkeys',
      title: 'Keyboard shortcuts',
      group: 'Help',
      keywords: 'keys hotkeys help',
      hotkeys: ['?'],
      run: () => dialogs.setState({ open: 'hotkeys' }),
    },
    { id: 'log.copy', title: 'Copy the log', group: 'Help', keywords: 'clipboard stderr', run: actions.copyLog },
  ];
}
