import type { EngineEvent, Method, Params, Results } from './protocol/messages.ts';
import type { TelemetryFrame } from './protocol/telemetry.ts';

export type Dispose = () => void;

/**
 * The engine as hosts and the window see it, wherever it runs: in this process (CLI, tests), behind a MessagePort (Electron)
 * or behind a WebSocket (browser).
 */
export interface Engine {
  /** Rejects with an `EngineRefusal` whose message is one sentence for the person. */
  request<M extends Method>(method: M, params: Params<M>): Promise<Results[M]>;
  onEvent(listener: (event: EngineEvent) => void): Dispose;
  /** At most about ten frames a second; frames are merged, never queued, while the listener's side is behind. */
  onFrame(listener: (frame: TelemetryFrame) => void): Dispose;
}

/** An expected failure: names the file or field and the remedy. Anything else thrown is a bug. */
export class EngineRefusal extends Error {
  override readonly name = 'EngineRefusal';
}

/** A two-way message pipe: MessagePort, WebSocket or a pair in memory. Messages are structured-cloneable. */
export interface Port<In, Out> {
  post(message: Out): void;
  onMessage(listener: (message: In) => void): void;
  onClose(listener: () => void): void;
  close(): void;
}
