import type { RawData, WebSocket } from 'ws';
import type { Port } from '../api.ts';
import { decodeMessage, encodeMessage } from '../protocol/codec.ts';
import type { FromEngine, ToEngine } from '../protocol/messages.ts';

/** A browser whose machine sleeps or whose tunnel broke never says goodbye: it is gone when a ping stays unanswered this long. */
const PING_MS = 15_000;

/** Close codes of RFC 6455, section 7.4.1. */
export const CLOSE_GOING_AWAY = 1001;
const CLOSE_UNSUPPORTED_DATA = 1003;

/** A WebSocket seen as a port, one binary message each. What cannot be decoded ends the connection. */
export function socketPort(socket: WebSocket): Port<ToEngine, FromEngine> {
  let answered = true;
  socket.on('pong', () => {
    answered = true;
  });
  const ping = setInterval(() => {
    if (!answered) {
      socket.terminate();
      return;
    }
    answered = false;
    socket.ping();
  }, PING_MS);
  socket.on('close', () => clearInterval(ping));
  // 'close' follows and says all that we act on.
  socket.on('error', () => {});

  return {
    post(message) {
      if (socket.readyState === socket.OPEN) socket.send(encodeMessage(message));
    },
    onMessage(listener) {
      socket.on('message', (data, isBinary) => {
        const message = isBinary ? decode(data) : undefined;
        if (message === undefined) socket.close(CLOSE_UNSUPPORTED_DATA, 'this is not a message of the studio');
        else listener(message);
      });
    },
    onClose: (listener) => socket.on('close', listener),
    close: () => socket.close(),
  };
}

function decode(data: RawData): ToEngine | undefined {
  // The server leaves `binaryType` at 'nodebuffer'.
  if (!Buffer.isBuffer(data)) return undefined;
  try {
    // Only as well-formed as the codec can tell: bindEngine checks what it means.
    return decodeMessage(data) as ToEngine;
  } catch {
    return undefined;
  }
}
