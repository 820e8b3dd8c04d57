import type { Studio } from '../app/context.tsx';
import { precisionCommands } from '../inspector/precision_commands.ts';
import { slotsAt } from '../stores/run_settings.ts';
import { gatingCommands } from '../views/gating/gating_commands.ts';
import { choiceCommands } from './choice_commands.ts';
import { modelCommands } from './model_commands.ts';
import type { Command } from './registry.ts';
import { runCommands } from './run_commands.ts';
import { helpCommands, viewCommands } from './view_commands.ts';

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
