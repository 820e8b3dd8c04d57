import { ipcRenderer } from 'electron';
import type { Dispose } from '../../engine/api.ts';
import type { NoticeChannel, Notices, RequestArguments, RequestChannel, RequestResult } from '../ipc/channels.ts';

/** The window's end of the channels, and the only file that touches `ipcRenderer`. */

export async function request<C extends RequestChannel>(
  channel: C,
  ...args: RequestArguments<C>
): Promise<RequestResult<C>> {
  try {
    return await ipcRenderer.invoke(channel, ...args);
  } catch (error) {
    // Electron wraps what the handler threw; people read these sentences.
    const { message } = error as Error;
    throw new Error(message.replace(/^Error invoking remote method '[^']*': (\w*Error: )?/, ''));
  }
}

export function onNotice<C extends NoticeChannel>(
  channel: C,
  listener: (payload: Notices[C], ports: readonly unknown[]) => void,
): Dispose {
  const forward = (event: Electron.IpcRendererEvent, payload: Notices[C]) => listener(payload, event.ports);
  ipcRenderer.on(channel, forward);
  return () => {
    ipcRenderer.off(channel, forward);
  };
}
