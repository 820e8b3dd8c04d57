import type { Host } from './host.ts';
import { createSocketTransport } from './socket_transport.ts';

const STORAGE_KEY = 'moe-studio.settings';

/** The studio in a plain browser: same origin as its server, no file system, settings in this browser. */
export function createBrowserHost(): Host {
  const url = new URL('engine', location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  url.search = location.search;
  url.hash = '';
  return {
    kind: 'browser',
    transport: createSocketTransport(url.href),
    chooseModelFolder: async () => ({ kind: 'typed' }),
    chooseLabFile: async () => ({ kind: 'typed' }),
    pathOfFile: () => undefined,
    recents: async () => [],
    addRecent: async () => {},
    removeRecent: async () => {},
    async saveReport(fileName, content) {
      const type = fileName.endsWith('.json') ? 'application/json' : 'text/html';
      const href = URL.createObjectURL(new Blob([content], { type }));
      const link = document.createElement('a');
      link.href = href;
      link.download = fileName;
      link.click();
      // The download reads the blob after this task.
      window.setTimeout(() => URL.revokeObjectURL(href), 10_000);
      return `${fileName} in the browser's downloads`;
    },
    async readSettings() {
      const text = localStorage.getItem(STORAGE_KEY);
      return text === null ? undefined : JSON.parse(text);
    },
    async writeSettings(value) {
      localStorage.setItem(STORAGE_KEY, JSON.stringify(value));
    },
    copyText: (text) => navigator.clipboard.writeText(text),
    setTheme: async () => {},
    onCommand: () => () => {},
  };
}
