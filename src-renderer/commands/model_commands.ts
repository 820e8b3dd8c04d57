import type { Studio } from '../app/context.tsx';
import type { Command } from './registry.ts';

type Parts = Pick<Studio, 'actions' | 'session' | 'labs'>;

/** What is opened, the engine that runs it, and what is written out. */
export function modelCommands({ actions, session, labs }: Parts): Command[] {
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
