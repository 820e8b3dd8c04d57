import type { Studio } from '../app/context.tsx';
import type { Command } from './registry.ts';

type Parts = Pick<Studio, 'actions' | 'session'>;

/** The run in progress. */
export function runCommands({ actions, session }: Parts): Command[] {
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
