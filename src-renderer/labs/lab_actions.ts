import type { LabSource } from '../../engine/protocol/labs.ts';
import type { ActionDeps } from '../app/actions.ts';
import { VIEWS } from '../app/views.ts';
import { choose, fileSource } from './lab_source.ts';

const FIRST_LAB = 'cache';

export interface LabActions {
  setLabSource(source: LabSource): void;
  /** Shows a run file or a trace in the lab at hand; from a view that knows no files, in the Cache lab. */
  openLabFile(path: string): void;
  /** Asks for a file, by the host's dialog or by a typed path. */
  chooseLabFile(): Promise<void>;
}

export function createLabActions({ engine, host, labs, selection, settings, dialogs }: LabDeps): LabActions {
  const setLabSource = (source: LabSource) => {
    // Tables of the old source are not waited for.
    engine.request('cancelLab', {}).catch(() => undefined);
    labs.setState((state) => choose(state, source));
    // Layers and experts of one subject mean nothing in the next.
    selection.getState().pin(undefined);
    selection.getState().setHover({});
  };
  const openLabFile = (path: string) => {
    setLabSource(fileSource(path));
    const isLab = (id: string) => VIEWS.find((view) => view.id === id)?.showsFiles ?? false;
    const { ui } = settings.getState();
    if (!isLab(ui.view)) settings.setState({ ui: { ...ui, view: FIRST_LAB } });
  };
  return {
    setLabSource,
    openLabFile,
    async chooseLabFile() {
      const choice = await host.chooseLabFile();
      if (choice.kind === 'typed') dialogs.setState({ open: 'labPath' });
      if (choice.kind === 'path') openLabFile(choice.path);
    },
  };
}

type LabDeps = Pick<ActionDeps, 'engine' | 'host' | 'labs' | 'selection' | 'settings' | 'dialogs'>;
