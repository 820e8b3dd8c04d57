import { contextBridge, webUtils } from 'electron';
import type { DroppedFile, EnginePortsMessage, StudioHost } from '../../src-renderer/bridge/host_api.ts';
import { onNotice, request } from './page_ipc.ts';

/** The part of the DOM's `window` that is used here: main-process code is compiled without the DOM's types. */
declare const window: {
  postMessage(message: EnginePortsMessage, targetOrigin: string, transfer: readonly unknown[]): void;
  readonly location: { readonly origin: string };
};

/** What the page gets of the desktop: these functions, and nothing of Electron behind them. */
const host: StudioHost = {
  platform: process.platform as StudioHost['platform'],
  connectEngine: () => request('engine:connect'),
  engineState: () => request('engine:state'),
  onEngineState: (listener) => onNotice('engine:state-changed', listener),
  restartEngine: () => request('engine:restart'),
  chooseModelFolder: () => request('model:choose'),
  chooseLabFile: () => request('lab:choose'),
  pathOfDrop: (file) => pathOf(file),
  recents: () => request('recents:list'),
  addRecent: (path) => request('recents:add', path),
  removeRecent: (path) => request('recents:remove', path),
  saveReport: (fileName, content) => request('report:save', fileName, content),
  copyText: (text) => request('text:copy', text),
  loadSettings: () => request('settings:load'),
  saveSettings: (json) => request('settings:save', json),
  setTheme: (theme) => request('theme:set', theme),
  onCommand: (listener) => onNotice('menu:command', listener),
};

contextBridge.exposeInMainWorld('studioHost', host);

// Ports cannot pass through the bridge, but through a message from this world to the page's.
onNotice('engine:ports', (_nothing, ports) => {
  window.postMessage({ type: 'moe-engine-port' }, window.location.origin, ports);
});

/** Electron 29 took `File.path` away and gave `webUtils`. */
function pathOf(file: DroppedFile): string {
  if (webUtils !== undefined) return webUtils.getPathForFile(file as File);
  return 'path' in file && typeof file.path === 'string' ? file.path : '';
}
