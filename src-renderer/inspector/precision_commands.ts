import type { Studio } from '../app/context.tsx';
import type { Command } from '../commands/registry.ts';
import { isRunInProgress } from '../views/gating/gating_lab.ts';

type Parts = Pick<Studio, 'session' | 'precisionLab'>;

/** What precision costs, and the packs that it fills the disk with. */
export function precisionCommands({ session, precisionLab }: Parts): Command[] {
  const isFree = () => {
    const { host, writer, snapshot } = session.getState();
    return host.kind === 'running' && writer && snapshot.state !== 'opening' && !precisionLab.query.state.isAsking;
  };
  const state = () => session.getState().snapshot.state;
  return [
    {
      id: 'precision.measure',
      title: 'Measure the price of precision',
      group: 'Run',
      keywords: 'int8 int4 quantise perplexity router agreement quality bits',
      when: () => isFree() && session.getState().snapshot.model !== undefined && !isRunInProgress(state()),
      run: precisionLab.measure,
    },
    {
      id: 'precision.stopAndMeasure',
      title: 'Stop the run and measure the price of precision',
      group: 'Run',
      keywords: 'int8 int4 quantise perplexity router agreement quality bits',
      when: () => isFree() && (state() === 'running' || state() === 'paused'),
      run: precisionLab.stopRunAndMeasure,
    },
    {
      id: 'precision.cancel',
      title: 'Cancel measuring the price of precision',
      group: 'Run',
      when: () => precisionLab.query.state.isAsking,
      run: precisionLab.cancel,
    },
    {
      id: 'packs.empty',
      title: 'Empty the expert packs',
      group: 'Settings',
      keywords: 'cache disk int8 int4 remove delete',
      when: () => isFree() && (precisionLab.packs.getState().found?.packs.some((pack) => !pack.inUse) ?? false),
      run: precisionLab.emptyPacks,
    },
  ];
}
