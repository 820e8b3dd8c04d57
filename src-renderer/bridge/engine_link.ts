import { type Dispose, type Engine, EngineRefusal, type Port } from '../../engine/api.ts';
import { connectEngine } from '../../engine/protocol/client.ts';
import type { EngineEvent, FromEngine, Method, Params, ToEngine } from '../../engine/protocol/messages.ts';
import type { TelemetryFrame } from '../../engine/protocol/telemetry.ts';

export type EnginePort = Port<FromEngine, ToEngine>;

/** Why the engine is not there any more, as far as the host knows. */
export interface EngineGone {
  readonly reason: string;
  readonly exitCode?: number;
  readonly stderrTail: readonly string[];
}

/** How a port to an engine is had: handed over by the preload, dialled as a WebSocket, or made in a test. */
export interface EngineTransport {
  /** `connected` is called with every fresh port: the first one, and again after each restart or reconnect. */
  start(handlers: { connected(port: EnginePort): void; gone(gone: EngineGone): void }): Dispose;
  /** Asks for a fresh engine (desktop) or dials again (browser). */
  restart(): Promise<void>;
}

export type Connection = { readonly kind: 'connected' } | ({ readonly kind: 'gone' } & EngineGone);

/**
 * An `Engine` that outlives its process: listeners stay when the process behind it dies and another takes its place.
 * Requests made while there is none are refused at once instead of waiting for ever.
 */
export interface EngineLink extends Engine {
  onConnection(listener: (connection: Connection) => void): Dispose;
  /** Begins to look for an engine; listeners are registered before. */
  start(): void;
  restart(): Promise<void>;
  dispose(): void;
}

export function createEngineLink(transport: EngineTransport): EngineLink {
  const events = new Set<(event: EngineEvent) => void>();
  const frames = new Set<(frame: TelemetryFrame) => void>();
  const connections = new Set<(connection: Connection) => void>();
  let engine: Engine | undefined;
  let port: EnginePort | undefined;

  const tell = (connection: Connection) => {
    for (const listener of connections) listener(connection);
  };
  let stop: Dispose = () => {};
  const handlers = {
    connected(fresh: EnginePort) {
      port?.close();
      port = fresh;
      const current = connectEngine(fresh);
      engine = current;
      // A late message of an engine that was replaced is dropped: its run ids and counters mean nothing to the new one.
      current.onEvent((event) => {
        if (engine === current) for (const listener of events) listener(event);
      });
      current.onFrame((frame) => {
        if (engine !== current) return;
        for (const listener of frames) listener(frame);
      });
      tell({ kind: 'connected' });
    },
    gone(gone: EngineGone) {
      engine = undefined;
      port?.close();
      port = undefined;
      tell({ kind: 'gone', ...gone });
    },
  };

  const subscribe = <T>(set: Set<T>, listener: T): Dispose => {
    set.add(listener);
    return () => set.delete(listener);
  };
  return {
    request<M extends Method>(method: M, params: Params<M>) {
      if (engine === undefined) {
        return Promise.reject(new EngineRefusal('The engine is not running: restart it first.'));
      }
      return engine.request(method, params);
    },
    onEvent: (listener) => subscribe(events, listener),
    onFrame: (listener) => subscribe(frames, listener),
    onConnection: (listener) => subscribe(connections, listener),
    start() {
      stop = transport.start(handlers);
    },
    restart: () => transport.restart(),
    dispose() {
      stop();
      port?.close();
    },
  };
}
