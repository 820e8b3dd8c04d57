import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type StudioServer, startServer } from '../../engine/entry/http_server.ts';
import { CONTENT_SECURITY_POLICY } from '../../engine/entry/web_root.ts';
import { decodeMessage, encodeMessage } from '../../engine/protocol/codec.ts';
import type { FromEngine } from '../../engine/protocol/messages.ts';
import { FakeEngine } from './fake_engine.ts';

let webRoot: string;
let engine: FakeEngine;
let server: StudioServer;

beforeEach(async () => {
  webRoot = await mkdtemp(path.join(tmpdir(), 'moe-web-'));
  await writeFile(path.join(webRoot, 'index.html'), '<!doctype html>studio');
  engine = new FakeEngine();
  server = await startServer({ engine, webRoot, port: 0 });
});
afterEach(async () => {
  await server.close();
  await rm(webRoot, { recursive: true });
});

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A request as a browser sends it, with the path exactly as given. */
function get(urlPath: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Reply> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path: urlPath, method, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    sent.on('error', reject).end();
  });
}

const entrance = () => new URL(server.url).pathname + new URL(server.url).search;

async function cookie(): Promise<string> {
  const { headers } = await get(entrance());
  return headers['set-cookie']?.[0]?.split(';')[0] ?? '';
}

/** A connection to the engine; `next` gives its messages in turn. */
class Client {
  readonly socket: WebSocket;
  readonly #received: FromEngine[] = [];
  readonly #waiting: ((message: FromEngine) => void)[] = [];

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => {
      const message = decodeMessage(data) as FromEngine;
      const waiter = this.#waiting.shift();
      if (waiter === undefined) this.#received.push(message);
      else waiter(message);
    });
  }

  next(): Promise<FromEngine> {
    const message = this.#received.shift();
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  ask(method: string, params: unknown = {}): Promise<FromEngine> {
    this.socket.send(encodeMessage({ kind: 'request', id: 1, method, params }));
    return this.next();
  }

  closed(): Promise<number> {
    return new Promise((resolve) => this.socket.once('close', resolve));
  }
}

function dial(options: { path?: string; headers?: Record<string, string>; origin?: string } = {}): Promise<Client> {
  const { host } = new URL(server.url);
  const { path: urlPath = '/engine', headers = {}, origin = `http://${host}` } = options;
  const socket = new WebSocket(`ws://${host}${urlPath}`, { headers, origin });
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(new Client(socket)));
    socket.once('error', reject);
  });
}

const dialWithCookie = async () => dial({ headers: { cookie: await cookie() } });

describe('the page', () => {
  it('is behind the token, which becomes a cookie and leaves the address', async () => {
    expect((await get('/')).status).toBe(403);
    const entered = await get(entrance());
    expect(entered.status).toBe(200);
    expect(entered.body).toContain('url=/"');
    expect(entered.body).not.toContain('studio</');
    const page = await get('/', { cookie: await cookie() });
    expect(page).toMatchObject({ status: 200, body: '<!doctype html>studio' });
    expect(page.headers['content-security-policy']).toBe(CONTENT_SECURITY_POLICY);
    expect(page.headers['x-content-type-options']).toBe('nosniff');
  });

  it('has a token of 32 hex digits that differs from start to start', async () => {
    const other = await startServer({ engine, webRoot, port: 0 });
    const token = (url: string) => new URL(url).searchParams.get('token') ?? '';
    expect(token(server.url)).toMatch(/^[0-9a-f]{32}$/);
    expect(token(other.url)).not.toBe(token(server.url));
    await other.close();
  });

  it('refuses a wrong token, another host name, another method, and paths outside', async () => {
    expect((await get('/?token=0123')).status).toBe(403);
    expect((await get(entrance(), { host: 'rebound.example' })).status).toBe(403);
    const headers = { cookie: await cookie() };
    expect((await get('/', headers, 'POST')).status).toBe(405);
    expect((await get('/../package.json', headers)).status).toBe(404);
    expect((await get('/none.js', headers)).status).toBe(404);
  });
});

describe('the engine', () => {
  it('answers over the WebSocket', async () => {
    const client = await dialWithCookie();
    expect(await client.ask('devices')).toEqual({ kind: 'reply', id: 1, result: { devices: [], absent: [] } });
    expect(await client.ask('step')).toMatchObject({ kind: 'refusal', message: "The test's engine cannot step." });
    engine.emit({ event: 'log', level: 'info', line: 'hello' });
    expect(await client.next()).toEqual({ kind: 'event', event: { event: 'log', level: 'info', line: 'hello' } });
  });

  it.each([
    ['no token', {}],
    ['a page of another origin', { origin: 'http://evil.example' }],
    ['a page of another port', { origin: 'http://127.0.0.1:1' }],
    ['another path', { path: '/other' }],
  ])('refuses %s', async (what, options) => {
    const headers: Record<string, string> = what === 'no token' ? {} : { cookie: await cookie() };
    await expect(dial({ headers, ...options })).rejects.toThrow('403');
    expect(engine.listeners).toBe(0);
  });

  it('also takes the token in the query, for a page that could not keep the cookie', async () => {
    const client = await dial({ path: `/engine${new URL(server.url).search}` });
    expect(await client.ask('devices')).toMatchObject({ kind: 'reply' });
  });

  it('obeys the first connection, lets the others watch, and hands over when the first leaves', async () => {
    const writer = await dialWithCookie();
    const watcher = await dialWithCookie();
    expect(await writer.ask('hello', { protocol: 1 })).toMatchObject({ result: { writer: true } });
    expect(await watcher.ask('hello', { protocol: 1 })).toMatchObject({ result: { writer: false } });
    expect(await watcher.ask('pause')).toMatchObject({ kind: 'refusal' });
    expect(await writer.ask('pause')).toMatchObject({ kind: 'reply' });

    const gone = writer.closed();
    writer.socket.close();
    await gone;
    await expect.poll(() => engine.listeners).toBe(2);
    expect(await watcher.ask('hello', { protocol: 1 })).toMatchObject({ result: { writer: true } });
    expect(await watcher.ask('pause')).toMatchObject({ kind: 'reply' });
  });

  it.each([
    ['text', 'hello'],
    ['bytes that are no message', Buffer.from([1, 2, 3])],
    ['a message of another protocol', Buffer.from(encodeMessage({ kind: 'subscribe' }))],
  ])('hangs up on %s', async (_what, data) => {
    const client = await dialWithCookie();
    const closed = client.closed();
    client.socket.send(data);
    await closed;
    await expect.poll(() => engine.listeners).toBe(0);
  });

  it('says goodbye when the server stops', async () => {
    const client = await dialWithCookie();
    const closed = client.closed();
    await server.close();
    expect(await closed).toBe(1001);
  });
});
