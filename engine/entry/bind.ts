import { type Dispose, type Engine, EngineRefusal, type Port } from '../api.ts';
import { type FromEngine, type Method, type Params, REQUESTS, type ToEngine } from '../protocol/messages.ts';
import { FrameMerger } from '../protocol/frame-merger.ts';

/** Frames sent and not yet acknowledged before the next ones are merged: one being painted, one on the way. */
const MOST_UNACKED = 2;

/**
 * Offers an engine on a port. Parameters are parsed here, for every host alike.
 * `mayWrite` is asked at each request that changes something (the browser server admits one writer at a time).
 */
export function bindEngine(engine: Engine, port: Port<ToEngine, FromEngine>, mayWrite: () => boolean = () => true): Dispose {
  const merger = new FrameMerger();
  let unacked = 0;
  const flush = () => {
    if (unacked >= MOST_UNACKED) return;
    const frame = merger.take();
    if (frame === undefined) return;
    unacked++;
    port.post({ kind: 'frame', frame });
  };
  const offEvent = engine.onEvent((event) => port.post({ kind: 'event', event }));
  const offFrame = engine.onFrame((frame) => {
    merger.add(frame);
    flush();
  });
  const dispose = () => {
    offEvent();
    offFrame();
  };
  port.onClose(dispose);
  port.onMessage((message) => {
    if (message.kind === 'ack') {
      unacked = Math.max(0, unacked - 1);
      flush();
      return;
    }
    answer(engine, message, mayWrite).then(port.post, (error: Error) => {
      port.post({ kind: 'refusal', id: message.id, message: error.message });
    });
  });
  return dispose;
}

const READ_ONLY: ReadonlySet<Method> = new Set(['hello', 'devices', 'report', 'runs', 'runFile']);

async function answer(engine: Engine, message: ToEngine & { kind: 'request' }, mayWrite: () => boolean): Promise<FromEngine> {
  const schema = Object.hasOwn(REQUESTS, message.method) ? REQUESTS[message.method] : undefined;
  if (schema === undefined) throw new EngineRefusal(`The engine has no request named "${String(message.method)}".`);
  const parsed = schema.safeParse(message.params);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new EngineRefusal(`${message.method}: ${issue?.path.join('.') || 'parameters'}: ${issue?.message ?? 'not valid'}.`);
  }
  if (!READ_ONLY.has(message.method) && !mayWrite()) {
    throw new EngineRefusal('Another window controls this engine; close it there to take over.');
  }
  const result = await engine.request(message.method, parsed.data as Params<Method>);
  const reply = message.method === 'hello' ? { ...result, writer: mayWrite() } : result;
  return { kind: 'reply', id: message.id, result: reply };
}
