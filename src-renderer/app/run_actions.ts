import type { BundledModel } from '../../engine/protocol/messages.ts';
import type { ModelSummary } from '../../engine/protocol/model.ts';
import { DEFAULT_RUN, type RunSettings } from '../../engine/protocol/settings.ts';
import { devicesHere, fitTo, suitedTo, takesChanges } from '../stores/run_settings.ts';
import { type RunPatch, record, sameValue } from '../stores/settings.ts';
import type { ActionDeps } from './actions.ts';

export interface RunActions {
  /** Asks for a folder, by the host's dialog or by a typed path. */
  chooseModel(): Promise<void>;
  /** Looks at a model folder and shows what of it fits, before anything is loaded. */
  openModel(path: string): Promise<void>;
  /** Opens a model folder and starts a run on it, so that the screen is never empty. */
  loadModel(path: string, choice?: RunPatch): Promise<void>;
  openBundledModel(name?: BundledModel): Promise<void>;
  startRun(): Promise<void>;
  /** Starts, pauses or goes on, whichever the state allows. */
  runOrPause(): Promise<void>;
  step(): Promise<void>;
  stop(): Promise<void>;
  exportReport(format: 'html' | 'json'): Promise<void>;
  /** After the engine went away: opens the same model again with default or with the previous run's settings. */
  restartEngine(settings: 'default' | 'previous'): Promise<void>;
  copyLog(): Promise<void>;
}

export function createRunActions(deps: ActionDeps): RunActions {
  const { engine, host, session, settings, notices } = deps;
  const state = () => session.getState().snapshot.state;

  async function open(request: () => Promise<ModelSummary>, choice: RunPatch = {}) {
    const { snapshot } = session.getState();
    if (takesChanges(snapshot)) await engine.request('stop', {});
    const model = await request();
    settings.setState((s) => ({ draft: { ...suitedTo(s.draft, snapshot.model, model), ...choice } }));
    await startRun();
  }
  const loadModel = async (path: string, choice: RunPatch = {}) => {
    deps.dialogs.setState({ open: undefined });
    await open(async () => {
      const model = await engine.request('openModel', { path });
      await host.addRecent(path);
      return model;
    }, choice);
  };
  async function openModel(path: string) {
    const { snapshot, devices } = session.getState();
    const { draft } = settings.getState();
    const asked = { ...draft, devices: devicesHere(draft.devices, devices) };
    const first = await engine.request('inspectModel', { path, settings: asked });
    // What suits the model is known only now, and the lengths of its texts are memory too.
    const suited = fitTo(suitedTo(draft, snapshot.model, first.model), first.model, devices);
    const fit = sameValue(suited, asked) ? first : await engine.request('inspectModel', { path, settings: suited });
    deps.dialogs.setState({ open: 'fit', fit });
  }
  const openBundledModel = (name?: BundledModel) =>
    open(() => engine.request('openBundledModel', name ? { name } : {}));

  async function startRun() {
    const { snapshot, devices } = session.getState();
    if (snapshot.model === undefined) return openBundledModel();
    const draft = fitTo(settings.getState().draft, snapshot.model, devices);
    settings.setState({ draft });
    await engine.request('start', draft);
  }

  async function runOrPause() {
    switch (state()) {
      case 'running':
        await engine.request('pause', {});
        return;
      case 'paused':
        await engine.request('resume', {});
        return;
      case 'empty':
      case 'ready':
      case 'finished':
      case 'failed':
        await startRun();
        return;
      case 'opening':
      case 'starting':
      case 'stopping':
        return;
    }
  }

  return {
    openModel,
    loadModel,
    openBundledModel,
    startRun,
    runOrPause,
    async chooseModel() {
      const choice = await host.chooseModelFolder();
      if (choice.kind === 'typed') deps.dialogs.setState({ open: 'modelPath' });
      if (choice.kind === 'path') await openModel(choice.path);
    },
    async step() {
      if (state() === 'running') await engine.request('pause', {});
      await engine.request('step', {});
    },
    async stop() {
      await engine.request('stop', {});
    },
    async exportReport(format) {
      const { fileName, content } = await engine.request('report', { format });
      const where = await host.saveReport(fileName, content);
      if (where !== undefined) notices.notify({ kind: 'done', title: 'Report saved', detail: where, key: 'report' });
    },
    async restartEngine(which) {
      const { snapshot, lastRunSettings } = session.getState();
      const next: RunSettings = which === 'previous' ? (lastRunSettings ?? DEFAULT_RUN) : DEFAULT_RUN;
      settings.setState((s) => record(s, which === 'previous' ? 'Previous settings' : 'Default settings', next));
      session.setState({ reopenPath: snapshot.model?.path, host: { kind: 'connecting' } });
      await engine.restart();
    },
    async copyLog() {
      const { host: process, log } = session.getState();
      const tail = process.kind === 'gone' ? process.stderrTail : [];
      await host.copyText([...log.map(({ level, line }) => `${level}: ${line}`), ...tail].join('\n'));
      notices.notify({ kind: 'done', title: 'Log copied', key: 'log' });
    },
  };
}
