import type { Studio } from '../app/context.tsx';
import { VIEWS } from '../app/views.ts';
import { precisionCommands } from '../inspector/precision_commands.ts';
import { slotsAt } from '../stores/run_settings.ts';
import type { ThemeChoice } from '../stores/settings.ts';
import { gatingCommands } from '../views/gating/gating_commands.ts';
import { choiceCommands } from './choice_commands.ts';
import type { Command } from './registry.ts';

type Parts = Omit<Studio, 'commands'>;

/** Every command of the window. Ids are shared with the native menu. */
export function createCommands(parts: Parts): Command[] {
  return [
    ...runCommands(parts),
    ...gatingCommands(parts),
    ...precisionCommands(parts),
    ...modelCommands(parts),
    ...settingsCommands(parts),
    ...choiceCommands(parts),
    ...viewCommands(parts),
    ...helpCommands(parts),
  ];
}

function runCommands({ actions, session }: Parts): Command[] {
  const state = () => session.getState().snapshot.state;
  const ready = () => session.getState().host.kind === 'running' && session.getState().writer;
  const hasModel = () => ready() && session.getState().snapshot.model !== undefined;
  const active = () => ready() && (state() === 'running' || state() === 'paused');
  const settled = () => state() !== 'opening' && state() !== 'starting' && state() !== 'stopping';
  return [
    {
      id: 'run.toggle',
      title: 'Run or pause',
      group: 'Run',
      keywords: 'start resume continue play',
      hotkeys: ['Space'],
      when: () => hasModel() && settled(),
      run: actions.runOrPause,
    },
    {
      id: 'run.step',
      title: 'Run one step',
      group: 'Run',
      keywords: 'single token next',
      hotkeys: ['.'],
      when: active,
      run: actions.step,
    },
    {
      id: 'run.stop',
      title: 'Stop the run',
      group: 'Run',
      keywords: 'end finish cancel',
      when: () => active() || (ready() && state() === 'starting'),
      run: actions.stop,
    },
    {
      id: 'run.restart',
      title: 'Restart the run with the settings shown',
      group: 'Run',
      keywords: 'again new apply next',
      when: () => hasModel() && settled(),
      run: actions.startRun,
    },
  ];
}

function modelCommands({ actions, session, labs }: Parts): Command[] {
  const running = () => session.getState().host.kind === 'running';
  const gone = () => session.getState().host.kind === 'gone';
  const idle = () => running() && session.getState().writer && session.getState().snapshot.state !== 'opening';
  return [
    {
      id: 'model.open',
      title: 'Open a model folder…',
      group: 'Model',
      keywords: 'load checkpoint safetensors',
      hotkeys: ['Mod+O'],
      // Also while another model is being opened, as at the start: the engine takes them in turn.
      when: () => running() && session.getState().writer,
      run: actions.chooseModel,
    },
    {
      id: 'model.openBundled',
      title: 'Open the bundled language model',
      group: 'Model',
      keywords: 'demo-lm sample decoder',
      when: idle,
      run: () => actions.openBundledModel('demo-lm'),
    },
    {
      id: 'model.openTranslation',
      title: 'Open the bundled translation model',
      group: 'Model',
      keywords: 'demo-mt sample encoder decoder nllb french german',
      when: idle,
      run: () => actions.openBundledModel('demo-mt'),
    },
    {
      id: 'lab.open',
      title: 'Open a recorded run or a trace…',
      group: 'Model',
      keywords: 'file routing replay lab import',
      hotkeys: ['Mod+Shift+O'],
      when: running,
      run: actions.chooseLabFile,
    },
    {
      id: 'lab.live',
      title: 'Look at this run in the labs',
      group: 'Model',
      keywords: 'source live back',
      when: () => labs.getState().source.kind !== 'live',
      run: () => actions.setLabSource({ kind: 'live' }),
    },
    {
      id: 'engine.restart',
      title: 'Restart the engine',
      group: 'Model',
      keywords: 'crash process reconnect default',
      when: gone,
      run: () => actions.restartEngine('default'),
    },
    {
      id: 'engine.restartPrevious',
      title: 'Restart the engine with the previous settings',
      group: 'Model',
      when: () => gone() && session.getState().lastRunSettings !== undefined,
      run: () => actions.restartEngine('previous'),
    },
    {
      id: 'export.html',
      title: 'Export the report as HTML',
      group: 'Export',
      keywords: 'save share file',
      hotkeys: ['Mod+E'],
      when: () => running() && session.getState().snapshot.run !== undefined,
      run: () => actions.exportReport('html'),
    },
    {
      id: 'export.json',
      title: 'Export the report as JSON',
      group: 'Export',
      keywords: 'save data file',
      when: () => running() && session.getState().snapshot.run !== undefined,
      run: () => actions.exportReport('json'),
    },
  ];
}

function settingsCommands({ actions, settings, session, summary, dialogs }: Parts): Command[] {
  const recommended = () => summary.getState().curve?.recommended;
  const writable = () => session.getState().writer && session.getState().host.kind === 'running';
  return [
    {
      id: 'settings.undo',
      title: 'Undo settings change',
      group: 'Settings',
      hotkeys: ['Mod+Z'],
      when: () => writable() && settings.getState().past.length > 0,
      run: actions.undo,
    },
    {
      id: 'settings.redo',
      title: 'Redo settings change',
      group: 'Settings',
      hotkeys: ['Mod+Shift+Z'],
      when: () => writable() && settings.getState().future.length > 0,
      run: actions.redo,
    },
    {
      id: 'devices.show',
      title: 'Devices…',
      group: 'Settings',
      keywords: 'gpu cpu cuda webgpu memory utilisation temperature link choose',
      hotkeys: ['Mod+D'],
      when: () => session.getState().host.kind === 'running',
      run: () => dialogs.setState({ open: 'devices' }),
    },
    {
      id: 'cache.recommended',
      title: 'Use the recommended cache size',
      group: 'Settings',
      keywords: 'slots experts memory slider',
      when: () => writable() && recommended() !== undefined,
      run: () => {
        const { run } = session.getState().snapshot;
        const slots = recommended()?.slots;
        if (slots !== undefined)
          return actions.change({ cacheSlots: slotsAt(slots, run?.expertsPerDevice ?? slots + 1) });
      },
    },
    {
      id: 'cache.all',
      title: 'Hold all experts in the cache',
      group: 'Settings',
      keywords: 'slots memory slider maximum',
      when: writable,
      run: () => actions.change({ cacheSlots: 'all' }),
    },
  ];
}

function viewCommands({ actions, settings, selection, dialogs }: Parts): Command[] {
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

function helpCommands({ actions, dialogs }: Parts): Command[] {
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
