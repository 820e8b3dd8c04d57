import { z } from 'zod';
import { type Dispose, type Engine, EngineRefusal, type Port } from '../api.ts';
import { FrameMerger } from '../protocol/frame-merger.ts';
import { type FromEngine, type Method, type Params, REQUESTS, type ToEngine } from '../protocol/messages.ts';

/** Frames sent and not yet acknowledged before the next ones are merged: one being painted, one on the way. */
const MOST_UNACKED = 2;

/** What a peer may send, before anything is known of the method. */
const Incoming = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('request'), id: z.int(), method: z.string().max(64), params: z.unknown() }),
  z.object({ kind: z.literal('ack'), seq: z.int() }),
]);
type Request = z.infer<typeof Incoming> & { kind: 'request' };

/**
 * Offers an engine on a port. Messages and parameters are parsed here, for every host alike; who speaks something else is hung up on.
 * `mayWrite` is asked at each request that changes something (the browser server admits one writer at a time).
 */
export function bindEngine(
  engine: Engine,
  port: Port<ToEngine, FromEngine>,
  mayWrite: () => boolean = () => true,
): Dispose {
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
  port.onMessage((received) => {
    const parsed = Incoming.safeParse(received);
    if (!parsed.success) {
      port.close();
      return;
    }
    const message = parsed.data;
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

const READ_ONLY: ReadonlySet<Method> = new Set([
  'hello',
  'devices',
  'inspectModel',
  'report',
  'runs',
  'runFile',
  'cacheLab',
  'expertsMap',
  'expertLife',
  'placementLab',
  'placementExport',
  'cancelLab',
]);

const isMethod = (name: string): name is Method => Object.hasOwn(REQUESTS, name);

async function answer(engine: Engine, message: Request, mayWrite: () => boolean): Promise<FromEngine> {
  const { method } = message;
  if (!isMethod(method)) throw new EngineRefusal(`The engine has no request named "${method}".`);
  const parsed = REQUESTS[method].safeParse(message.params);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new EngineRefusal(
      `${method}: ${issue?.path.join('.') || 'parameters'}: ${issue?.message ?? 'not valid'}; give a value within that.`,
    );
  }
  if (!READ_ONLY.has(method) && !mayWrite()) {
    throw new EngineRefusal('Another window controls this engine; close it there to take over.');
  }
  const result = await engine.request(method, parsed.data as Params<Method>);
  const reply = method === 'hello' ? { ...result, writer: mayWrite() } : result;
  return { kind: 'reply', id: message.id, result: reply };
}
