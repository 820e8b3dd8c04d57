import type { Port } from '../api.ts';
import type { FromEngine, ToEngine } from '../protocol/messages.ts';

/** The part of Electron's MessagePortMain that is used here; engine code does not import Electron. */
export interface HostPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (event: { data: unknown }) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  start(): void;
  close(): void;
}

/**
 * Two MessagePorts seen as one: frames and their acknowledgements travel on `frames`, all else on `control`, so that a burst of
 * telemetry never stands before an answer. The twin in the window is src-renderer/bridge/message_ports.ts.
 */
export function joinPorts(control: HostPort, frames: HostPort): Port<ToEngine, FromEngine> {
  const both = [control, frames];
  return {
    post: (message) => (message.kind === 'frame' ? frames : control).postMessage(message),
    onMessage(listener) {
      for (const port of both) {
        port.on('message', ({ data }) => listener(data as ToEngine));
        port.start();
      }
    },
    // Both close together, when the page or its process goes away.
    onClose: (listener) => control.on('close', listener),
    close() {
      for (const port of both) port.close();
    },
  };
}
