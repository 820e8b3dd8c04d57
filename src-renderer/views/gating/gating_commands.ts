import type { Studio } from '../../app/context.tsx';
import type { Command } from '../../commands/registry.ts';
import { isRunInProgress } from './gating_lab.ts';

type Parts = Pick<Studio, 'actions' | 'session' | 'gatingLab'>;

/** The gating experiment, from its buttons and from the palette. */
export function gatingCommands({ actions, session, gatingLab }: Parts): Command[] {
  const state = () => session.getState().snapshot.state;
  const isFree = () =>
    session.getState().host.kind === 'running' &&
    session.getState().writer &&
    session.getState().snapshot.model !== undefined &&
    state() !== 'opening' &&
    !gatingLab.query.state.isAsking;
  const show = () => actions.setUi({ view: 'gating' });
  return [
    {
      id: 'gating.measure',
      title: 'Measure the gating policies',
      group: 'Run',
      keywords: 'lab experiment static tutel fastmoe megablocks dynamic capacity',
      when: () => isFree() && !isRunInProgress(state()),
      run: () => {
        show();
        return gatingLab.measure();
      },
    },
    {
      id: 'gating.stopAndMeasure',
      title: 'Stop the run and measure the gating policies',
      group: 'Run',
      keywords: 'lab experiment static tutel fastmoe megablocks dynamic capacity',
      when: () => isFree() && (state() === 'running' || state() === 'paused'),
      run: () => {
        show();
        return gatingLab.stopRunAndMeasure();
      },
    },
    {
      id: 'gating.cancel',
      title: 'Cancel the gating measurement',
      group: 'Run',
      when: () => gatingLab.query.state.isAsking,
      run: gatingLab.cancel,
    },
  ];
}
