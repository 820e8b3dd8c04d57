import { decodeMessage, encodeMessage } from '../../engine/protocol/codec.ts';
import type { FromEngine } from '../../engine/protocol/messages.ts';
import type { EnginePort, EngineTransport } from './engine_link.ts';

/** Waits between attempts to reach a server that went away, ms; the last one repeats. */
const RETRY_MS = [500, 1000, 2000, 4000];

/** The engine behind a WebSocket, binary messages both ways. Dials again by itself after the connection is lost. */
export function createSocketTransport(url: string): EngineTransport {
  let dial = () => {};
  return {
    start({ connected, gone }) {
      let socket: WebSocket | undefined;
      let attempt = 0;
      let timer = 0;
      let stopped = false;
      dial = () => {
        window.clearTimeout(timer);
        const fresh = new WebSocket(url);
        socket = fresh;
        fresh.binaryType = 'arraybuffer';
        fresh.onopen = () => {
          attempt = 0;
          connected(socketPort(fresh));
        };
        // 'error' is always followed by 'close', which carries as much as a page may know.
        fresh.onclose = (event) => {
          if (stopped || socket !== fresh) return;
          if (attempt === 0) gone({ reason: closeReason(event), stderrTail: [] });
          const wait = RETRY_MS[Math.min(attempt++, RETRY_MS.length - 1)];
          timer = window.setTimeout(dial, wait);
        };
      };
      dial();
      return () => {
        stopped = true;
        window.clearTimeout(timer);
        socket?.close();
      };
    },
    async restart() {
      dial();
    },
  };
}

function closeReason(event: CloseEvent): string {
  if (event.reason !== '') return event.reason;
  return event.wasClean ? 'the server closed the connection' : 'the connection to the server was lost';
}

function socketPort(socket: WebSocket): EnginePort {
  const messages = new Set<(message: FromEngine) => void>();
  const closings = new Set<() => void>();
  socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
    const message = decodeMessage(new Uint8Array(data)) as FromEngine;
    for (const listener of messages) listener(message);
  };
  socket.addEventListener('close', () => {
    for (const listener of closings) listener();
  });
  return {
    post(message) {
      if (socket.readyState === WebSocket.OPEN) socket.send(encodeMessage(message) as Uint8Array<ArrayBuffer>);
    },
    onMessage: (listener) => messages.add(listener),
    onClose: (listener) => closings.add(listener),
    close: () => socket.close(),
  };
}
