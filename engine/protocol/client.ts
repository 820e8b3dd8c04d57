import { type Dispose, type Engine, EngineRefusal, type Port } from '../api.ts';
import type { EngineEvent, FromEngine, Method, Params, Results, ToEngine } from './messages.ts';
import type { TelemetryFrame } from './telemetry.ts';

/**
 * The far end of an engine's port. Frames are acknowledged after the listeners ran: the engine sends the next ones only then,
 * so a slow window gets fewer frames instead of a growing queue.
 */
export function connectEngine(port: Port<FromEngine, ToEngine>): Engine {
  let nextId = 1;
  const pending = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  const eventListeners = new Set<(event: EngineEvent) => void>();
  const frameListeners = new Set<(frame: TelemetryFrame) => void>();

  port.onMessage((message) => {
    switch (message.kind) {
      case 'reply':
        pending.get(message.id)?.resolve(message.result as never);
        pending.delete(message.id);
        return;
      case 'refusal':
        pending.get(message.id)?.reject(new EngineRefusal(message.message));
        pending.delete(message.id);
        return;
      case 'event':
        for (const listener of eventListeners) listener(message.event);
        return;
      case 'frame':
        for (const listener of frameListeners) listener(message.frame);
        port.post({ kind: 'ack', seq: message.frame.seq });
        return;
    }
  });
  port.onClose(() => {
    for (const { reject } of pending.values())
      reject(new EngineRefusal('The engine went away before it answered; restart it and ask again.'));
    pending.clear();
  });

  const subscribe = <T>(set: Set<T>, listener: T): Dispose => {
    set.add(listener);
    return () => set.delete(listener);
  };
  return {
    request<M extends Method>(method: M, params: Params<M>) {
      const id = nextId++;
      return new Promise<Results[M]>((resolve, reject) => {
        pending.set(id, { resolve, reject });
        port.post({ kind: 'request', id, method, params });
      });
    },
    onEvent: (listener) => subscribe(eventListeners, listener),
    onFrame: (listener) => subscribe(frameListeners, listener),
  };
}
