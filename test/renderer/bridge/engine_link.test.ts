import { describe, expect, it } from 'vitest';
import type { FromEngine, ToEngine } from '../../../engine/protocol/messages.ts';
import {
  type Connection,
  createEngineLink,
  type EnginePort,
  type EngineTransport,
} from '../../../src-renderer/bridge/engine_link.ts';

/** A transport whose other end is the test. */
function setup() {
  let handlers: Parameters<EngineTransport['start']>[0] | undefined;
  const link = createEngineLink({
    start(given) {
      handlers = given;
      return () => {};
    },
    restart: async () => {},
  });
  const connections: Connection['kind'][] = [];
  link.onConnection(({ kind }) => connections.push(kind));
  link.start();

  const connect = () => {
    const sent: ToEngine[] = [];
    let listener: (message: FromEngine) => void = () => {};
    let close = () => {};
    const port: EnginePort = {
      post: (message) => sent.push(message),
      onMessage: (given) => {
        listener = given;
      },
      onClose: (given) => {
        close = given;
      },
      close: () => close(),
    };
    handlers?.connected(port);
    return { sent, receive: (message: FromEngine) => listener(message) };
  };
  return { link, connections, connect, die: () => handlers?.gone({ reason: 'it crashed', stderrTail: [] }) };
}

const log = (line: string): FromEngine => ({ kind: 'event', event: { event: 'log', level: 'info', line } });

describe('EngineLink', () => {
  it('refuses at once while there is no engine', async () => {
    const { link } = setup();
    await expect(link.request('pause', {})).rejects.toThrow('not running');
  });

  it('rejects what was asked when the engine dies', async () => {
    const { link, connect, die, connections } = setup();
    connect();
    const asked = link.request('pause', {});
    die();
    await expect(asked).rejects.toThrow('went away');
    await expect(link.request('pause', {})).rejects.toThrow('not running');
    expect(connections).toEqual(['connected', 'gone']);
  });

  it('keeps its listeners over a restart and drops late words of the old engine', () => {
    const { link, connect, die } = setup();
    const lines: string[] = [];
    link.onEvent((event) => {
      if (event.event === 'log') lines.push(event.line);
    });
    const first = connect();
    first.receive(log('first'));
    die();
    const second = connect();
    first.receive(log('late'));
    second.receive(log('second'));
    expect(lines).toEqual(['first', 'second']);
  });

  it('sends requests to the engine that is there now', async () => {
    const { link, connect } = setup();
    connect();
    const second = connect();
    const answer = link.request('pause', {});
    expect(second.sent).toMatchObject([{ kind: 'request', method: 'pause' }]);
    const [request] = second.sent;
    if (request?.kind === 'request') second.receive({ kind: 'reply', id: request.id, result: {} });
    await expect(answer).resolves.toEqual({});
  });
});
