import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Engine } from '../api.ts';
import { createGate, isLoopbackHost, isOwnOrigin } from './access.ts';
import { bindEngine } from './bind.ts';
import { CLOSE_GOING_AWAY, socketPort } from './socket_port.ts';
import { PAGE_HEADERS, resolveAsset } from './web_root.ts';

/** Where the page finds the engine's WebSocket. */
const SOCKET_PATH = '/engine';
/** The largest request is `start` with prompts pasted or dropped in. */
const MOST_MESSAGE_BYTES = 64 * 2 ** 20;
const MOST_CONNECTIONS = 32;

export interface StudioServer {
  /** With the token: whoever has it may use the engine. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * The studio for a browser: the built page over HTTP, the engine over a WebSocket, both on 127.0.0.1 and behind a token.
 * The page that connected first may change things; the others watch, and the longest-waiting one takes over when it leaves.
 * @param webRoot absolute folder of the built page
 * @param port 0 takes any free one
 */
export async function startServer(options: { engine: Engine; webRoot: string; port: number }): Promise<StudioServer> {
  const { engine, webRoot, port } = options;
  const token = randomBytes(16).toString('hex');
  const gate = createGate(token);

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = locate(request);
    if (!isLoopbackHost(request.headers.host))
      return refuse(response, 403, 'Open the address that the server printed.');
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'Pages can only be read.');
    if (pathname === '/' && gate.admitsQuery(searchParams)) return enter(response, gate.setCookie);
    if (!gate.admitsCookie(request)) {
      return refuse(response, 403, 'Open the address that the server printed, with its token.');
    }
    const asset = resolveAsset(webRoot, pathname);
    const body = asset && (await readFile(asset.file).catch(() => undefined));
    if (asset === undefined || body === undefined) return refuse(response, 404, 'There is no such file.');
    response.writeHead(200, { ...PAGE_HEADERS, 'Content-Type': asset.contentType, 'Content-Length': body.length });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  const http = createServer((request, response) => {
    answer(request, response).catch((error: Error) => refuse(response, 500, error.message));
  });

  const sockets = new WebSocketServer({ noServer: true, maxPayload: MOST_MESSAGE_BYTES, perMessageDeflate: false });
  /** In order of arrival. A Set keeps it, and its first member is the writer. */
  const connections = new Set<object>();
  http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const { pathname, searchParams } = locate(request);
    const admitted =
      pathname === SOCKET_PATH &&
      isOwnOrigin(request.headers.origin, request.headers.host) &&
      (gate.admitsCookie(request) || gate.admitsQuery(searchParams)) &&
      connections.size < MOST_CONNECTIONS;
    if (!admitted) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      connections.add(webSocket);
      webSocket.on('close', () => connections.delete(webSocket));
      bindEngine(engine, socketPort(webSocket), () => connections.values().next().value === webSocket);
    });
  });

  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, '127.0.0.1', resolve);
  });
  const { port: actualPort } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${actualPort}/?token=${token}`,
    async close() {
      for (const webSocket of sockets.clients) webSocket.close(CLOSE_GOING_AWAY, 'the server was stopped');
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeIdleConnections();
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 500))]);
      // Peers that did not answer the close in that time.
      for (const webSocket of sockets.clients) webSocket.terminate();
      http.closeAllConnections();
    },
  };
}

/** The path stays as it came (encoded, dots and all): `new URL` would resolve `..` before it could be refused. */
function locate(request: IncomingMessage): { pathname: string; searchParams: URLSearchParams } {
  const [pathname = '/', query = ''] = (request.url ?? '/').split('?', 2);
  return { pathname, searchParams: new URLSearchParams(query) };
}

/**
 * Answers the URL with the token: sets the cookie and sends the browser on to the bare address. A page that goes on by itself, not
 * a redirect: after a link from another site, the browser would withhold a SameSite=Strict cookie from a redirect's target.
 */
function enter(response: ServerResponse, setCookie: string): void {
  response.writeHead(200, { ...PAGE_HEADERS, 'Content-Type': 'text/html; charset=utf-8', 'Set-Cookie': setCookie });
  response.end('<!doctype html><title>MoE Studio</title><meta http-equiv="refresh" content="0;url=/">');
}

function refuse(response: ServerResponse, status: number, sentence: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { ...PAGE_HEADERS, 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(`${sentence}\n`);
}
