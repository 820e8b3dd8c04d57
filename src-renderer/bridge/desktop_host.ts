import type { EngineTransport } from './engine_link.ts';
import type { Host, PathChoice } from './host.ts';
import type { EngineHostState, EnginePortsMessage, StudioHost } from './host_api.ts';
import { joinPorts } from './message_ports.ts';

/** The studio as a desktop app, by the functions that the preload script offers. */
export function createDesktopHost(api: StudioHost): Host {
  return {
    kind: 'desktop',
    transport: createPortTransport(api),
    chooseModelFolder: async () => choiceOf(await api.chooseModelFolder()),
    chooseLabFile: async () => choiceOf(await api.chooseLabFile()),
    pathOfFile: (file) => api.pathOfDrop(file) || undefined,
    recents: () => api.recents(),
    addRecent: (path) => api.addRecent(path),
    removeRecent: (path) => api.removeRecent(path),
    saveReport: (fileName, content) => api.saveReport(fileName, content),
    async readSettings() {
      const json = await api.loadSettings();
      return json === undefined ? undefined : JSON.parse(json);
    },
    writeSettings: (value) => api.saveSettings(JSON.stringify(value)),
    copyText: (text) => api.copyText(text),
    setTheme: (theme) => api.setTheme(theme),
    onCommand: (listener) => api.onCommand(listener),
  };
}

const choiceOf = (path: string | undefined): PathChoice =>
  path === undefined ? { kind: 'cancelled' } : { kind: 'path', path };

/** Ports come as a window message from the preload, with every fresh engine; its death comes as a state from the host. */
function createPortTransport(api: StudioHost): EngineTransport {
  return {
    start({ connected, gone }) {
      const onMessage = (event: MessageEvent<Partial<EnginePortsMessage>>) => {
        if (event.source !== window || event.origin !== location.origin) return;
        const [control, frames] = event.ports;
        if (event.data?.type !== 'moe-engine-port' || control === undefined || frames === undefined) return;
        connected(joinPorts(control, frames));
      };
      const onState = (state: EngineHostState) => {
        if (state.kind === 'gone') gone({ ...state, reason: reasonInWords(state.reason) });
      };
      const failed = (error: unknown) => {
        gone({ reason: error instanceof Error ? error.message : String(error), stderrTail: [] });
      };
      window.addEventListener('message', onMessage);
      const offState = api.onEngineState(onState);
      api.engineState().then(onState, failed);
      api.connectEngine().catch(failed);
      return () => {
        window.removeEventListener('message', onMessage);
        offState();
      };
    },
    restart: () => api.restartEngine(),
  };
}

/** Chromium's words for the end of a process, as a person would say them. */
function reasonInWords(reason: string): string {
  switch (reason) {
    case 'oom':
    case 'memory-eviction':
      return 'it ran out of memory';
    case 'crashed':
    case 'abnormal-exit':
      return 'it crashed';
    case 'killed':
      return 'it was killed';
    case 'launch-failed':
      return 'it could not be started';
    case 'integrity-failure':
      return 'its code did not pass the integrity check';
    case 'exited':
    case 'clean-exit':
      return 'it exited';
    default:
      return reason;
  }
}
