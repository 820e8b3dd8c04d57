import { describe, expect, it } from 'vitest';
import type { Port } from '../../engine/api.ts';
import { bindEngine } from '../../engine/entry/bind.ts';
import { type HostPort, joinPorts } from '../../engine/entry/message_ports.ts';
import type { FromEngine, ToEngine } from '../../engine/protocol/messages.ts';
import { CATEGORY_COUNT, PHASE_COUNT, type TelemetryFrame } from '../../engine/protocol/telemetry.ts';
import { FakeEngine } from './fake_engine.ts';

/** A frame of one step with one layer and one device. */
function frame(seq: number): TelemetryFrame {
  const one = { hits: Uint16Array.of(1), misses: Uint16Array.of(0), evictions: Uint16Array.of(0) };
  return {
    seq,
    runId: 'run',
    steps: {
      ...one,
      count: 1,
      step: Int32Array.of(seq),
      endMs: Float64Array.of(seq),
      durationMs: Float32Array.of(1),
      tokens: Int32Array.of(1),
      newTokens: Int32Array.of(1),
      stallMs: Float32Array.of(0),
      hiddenMs: Float32Array.of(0),
      computed: Int32Array.of(0),
      computeMs: Float32Array.of(0),
      inactive: Uint16Array.of(0),
      ledgerBytes: new Float64Array(CATEGORY_COUNT),
      peakBytes: Float64Array.of(0),
      deviceShare: Float32Array.of(1),
      phaseMs: new Float32Array(PHASE_COUNT),
      routedPairs: new Int32Array(1),
      droppedPairs: new Int32Array(1),
      paddingRows: new Int32Array(1),
    },
    totals: {
      steps: seq,
      elapsedMs: seq,
      promptTokens: 0,
      newTokens: seq,
      hits: seq,
      misses: 0,
      loads: 0,
      evictions: 0,
      stallMs: 0,
      sequencesDone: 0,
      sequencesTotal: 1,
      tokensPerSecond: 1,
    },
    text: [],
    droppedFrames: 0,
    droppedSteps: 0,
  };
}

function setup() {
  const engine = new FakeEngine();
  const posted: FromEngine[] = [];
  let receive: (message: ToEngine) => void = () => {};
  let close = () => {};
  const port: Port<ToEngine, FromEngine> & { closed: boolean } = {
    closed: false,
    post: (message) => posted.push(message),
    onMessage: (listener) => {
      receive = listener;
    },
    onClose: (listener) => {
      close = listener;
    },
    close() {
      port.closed = true;
      close();
    },
  };
  bindEngine(engine, port);
  const frames = () => posted.flatMap((message) => (message.kind === 'frame' ? [message.frame] : []));
  return {
    engine,
    port,
    posted,
    frames,
    receive: (message: unknown) => receive(message as ToEngine),
    close: () => close(),
  };
}

describe('bindEngine', () => {
  it('keeps two frames under way and merges what comes while the window is busy', () => {
    const { engine, frames, receive } = setup();
    for (let seq = 0; seq < 6; seq++) engine.send(frame(seq));
    expect(frames().map((sent) => sent.steps.count)).toEqual([1, 1]);
    receive({ kind: 'ack', seq: frames()[0]?.seq });
    expect(frames().map((sent) => sent.steps.count)).toEqual([1, 1, 4]);
    expect(frames().at(-1)?.totals.steps).toBe(5);
  });

  it.each([undefined, 'hello', { kind: 'subscribe' }, { kind: 'request', id: 'x', method: 'stop', params: {} }])(
    'hangs up on %j',
    (message) => {
      const { engine, port, receive } = setup();
      receive(message);
      expect(port.closed).toBe(true);
      expect(engine.listeners).toBe(0);
    },
  );

  it('refuses unknown methods and parameters out of range, by name', async () => {
    const { engine, posted, receive } = setup();
    receive({ kind: 'request', id: 1, method: 'constructor', params: {} });
    receive({ kind: 'request', id: 2, method: 'change', params: { batch: 0 } });
    await expect.poll(() => posted.length).toBe(2);
    expect(posted[0]).toMatchObject({
      kind: 'refusal',
      id: 1,
      message: 'The engine has no request named "constructor".',
    });
    expect(posted[1]).toMatchObject({ kind: 'refusal', id: 2, message: expect.stringContaining('change: batch:') });
    expect(engine.requests).toEqual([]);
  });

  it('lets go of the engine when the port closes', () => {
    const { engine, close } = setup();
    expect(engine.listeners).toBe(2);
    close();
    expect(engine.listeners).toBe(0);
  });
});

describe('joinPorts', () => {
  it('sends frames on their own port and listens to both', () => {
    const sent: [string, unknown][] = [];
    const received: unknown[] = [];
    const deliver: Record<string, (data: unknown) => void> = {};
    const end = (name: string): HostPort => ({
      postMessage: (message) => sent.push([name, message]),
      on(event: string, listener: (event: { data: unknown }) => void) {
        if (event === 'message') deliver[name] = (data) => listener({ data });
      },
      start() {},
      close() {},
    });
    const port = joinPorts(end('control'), end('frames'));
    port.onMessage((message) => received.push(message));
    port.post({ kind: 'frame', frame: frame(0) });
    port.post({ kind: 'refusal', id: 1, message: 'no' });
    expect(sent.map(([name]) => name)).toEqual(['frames', 'control']);
    deliver.frames?.({ kind: 'ack', seq: 0 });
    deliver.control?.({ kind: 'ack', seq: 1 });
    expect(received).toHaveLength(2);
  });
});
