import { MessageChannelMain, type MessagePortMain, type WebContents } from 'electron';
import type { EngineHost } from './engine_host.ts';
import { notify } from './ipc/main_ipc.ts';

/**
 * Connects windows to the engine process: two channels for each, one end to either side. After that the main process sees none
 * of what they say to each other.
 */
export function createEngineWindows(host: EngineHost<MessagePortMain[]>): { add(contents: WebContents): void } {
  const windows = new Set<WebContents>();
  const connect = (contents: WebContents) => {
    const control = new MessageChannelMain();
    const frames = new MessageChannelMain();
    host.connect([control.port1, frames.port1]);
    notify(contents, 'engine:ports', undefined, [control.port2, frames.port2]);
  };
  host.onState((state) => {
    for (const contents of windows) {
      notify(contents, 'engine:state-changed', state);
      if (state.kind === 'running') connect(contents);
    }
  });
  return {
    /** From the page's request on, which it repeats after a reload. */
    add(contents) {
      if (!windows.has(contents)) {
        windows.add(contents);
        contents.once('destroyed', () => windows.delete(contents));
      }
      if (host.state.kind === 'running') connect(contents);
    },
  };
}
