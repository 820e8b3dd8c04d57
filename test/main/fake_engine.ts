import type { Dispose, Engine } from '../../engine/api.ts';
import { EngineRefusal } from '../../engine/api.ts';
import type { EngineEvent, Method, Params, Results } from '../../engine/protocol/messages.ts';
import type { TelemetryFrame } from '../../engine/protocol/telemetry.ts';

/** An engine for tests of hosts: answers a few requests at once and lets the test send events and frames. */
export class FakeEngine implements Engine {
  readonly requests: { method: Method; params: unknown }[] = [];
  closed = false;
  readonly #events = new Set<(event: EngineEvent) => void>();
  readonly #frames = new Set<(frame: TelemetryFrame) => void>();

  async request<M extends Method>(method: M, params: Params<M>): Promise<Results[M]> {
    this.requests.push({ method, params });
    const answers: { [K in Method]?: Results[K] } = {
      hello: {
        protocol: 1,
        version: '0.1.0',
        machine: { cpu: 'test', cores: 2, memoryBytes: 2 ** 30, platform: 'linux', node: '20', onnxruntime: '1' },
        snapshot: { state: 'empty', marks: [] },
        writer: true,
      },
      devices: { devices: [], absent: [] },
      pause: {},
      stop: {},
    };
    const answer: Results[M] | undefined = answers[method];
    if (answer === undefined) throw new EngineRefusal(`The test's engine cannot ${method}.`);
    return answer;
  }

  onEvent(listener: (event: EngineEvent) => void): Dispose {
    this.#events.add(listener);
    return () => this.#events.delete(listener);
  }

  onFrame(listener: (frame: TelemetryFrame) => void): Dispose {
    this.#frames.add(listener);
    return () => this.#frames.delete(listener);
  }

  get listeners(): number {
    return this.#events.size + this.#frames.size;
  }

  emit(event: EngineEvent): void {
    for (const listener of this.#events) listener(event);
  }

  send(frame: TelemetryFrame): void {
    for (const listener of this.#frames) listener(frame);
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

export const createEngine = () => new FakeEngine();
