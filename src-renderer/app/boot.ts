import type { Dispose } from '../../engine/api.ts';
import { type EngineSnapshot, PROTOCOL_VERSION, type RunInfo } from '../../engine/protocol/messages.ts';
import { DEFAULT_RUN } from '../../engine/protocol/settings.ts';
import type { Connection } from '../bridge/engine_link.ts';
import { bindKeys } from '../commands/bind_keys.ts';
import { list } from '../format/words.ts';
import { applyEngineEvent, applySnapshot } from '../stores/session.ts';
import type { StoredSettings } from '../stores/settings.ts';
import { feedSummary } from '../stores/summary_feed.ts';
import type { Studio } from './context.tsx';

/**
 * Connects the stores to the engine for the life of the window, and brings a fresh engine to a running model:
 * a person who opens the studio for the first time sees text within seconds.
 */
export function bootStudio(studio: Studio): Dispose {
  const { engine, bus, session, settings, summary, actions, commands, host, notices } = studio;
  const failed = (error: Error) => notices.notify({ kind: 'error', title: error.message });
  const store = (value: StoredSettings) => {
    host.writeSettings(value).catch(failed);
  };

  const disposers: Dispose[] = [
    engine.onEvent((event) => {
      const before = session.getState().snapshot.run;
      applyEngineEvent(session, event);
      if (event.event !== 'snapshot') return;
      followSnapshot();
      tellLoss(before, event.snapshot);
    }),
    engine.onFrame((frame) => bus.push(frame)),
    feedSummary(bus, summary),
    engine.onConnection((connection) => {
      follow(connection).catch(failed);
    }),
    settings.subscribe(({ ui, draft }, before) => {
      if (ui === before.ui && draft === before.draft) return;
      store({ version: 1, ui, run: draft });
    }),
    host.onCommand((id) => commands.execute(id)),
    bindKeys(commands),
  ];

  function followSnapshot() {
    const { marks, run } = session.getState().snapshot;
    if (run !== undefined && bus.runId !== undefined && run.id !== bus.runId) bus.reset();
    bus.history.setMarks(marks);
    actions.adoptLiveSettings();
  }

  /** A run that goes on with fewer devices is nothing to overlook. */
  function tellLoss(before: RunInfo | undefined, { run, marks }: EngineSnapshot) {
    if (run === undefined || run.id !== before?.id || run.lost.length === before.lost.length) return;
    const gone = run.lost.slice(before.lost.length);
    const detail = marks.at(-1)?.label;
    const title = `The run goes on without ${list(gone)}`;
    notices.notify({ kind: 'error', title, ...(detail !== undefined && { detail }) });
  }

  async function follow(connection: Connection) {
    if (connection.kind === 'gone') {
      session.setState({ host: connection, progress: undefined });
      // What may have killed the engine is not applied by itself next time; the banner offers it.
      const { ui } = settings.getState();
      store({ version: 1, ui, run: DEFAULT_RUN });
      return;
    }
    const hello = await engine.request('hello', { protocol: PROTOCOL_VERSION });
    const { devices, absent } = await engine.request('devices', {});
    const { machine, writer } = hello;
    session.setState({ host: { kind: 'running' }, machine, writer, devices, absentProviders: absent });
    applySnapshot(session, hello.snapshot);
    followSnapshot();
    if (!writer || hello.snapshot.run !== undefined) return;
    const path = session.getState().reopenPath;
    session.setState({ reopenPath: undefined });
    // The desktop's engine opens the bundled model while the window starts.
    if (path !== undefined) await actions.loadModel(path);
    else if (hello.snapshot.state === 'ready') await actions.startRun();
    else if (hello.snapshot.state === 'empty') await actions.openBundledModel();
  }

  engine.start();
  return () => {
    for (const dispose of disposers) dispose();
    engine.dispose();
  };
}
