import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/**
 * Who may talk to the browser server. It listens on the loopback interface, but so does every web page's `fetch`, and every
 * other account of the machine: hence a token that only the terminal shows, and checks against pages of other origins.
 */

const LOOPBACK_NAMES = new Set(['127.0.0.1', 'localhost', '[::1]']);

/**
 * Whether the request was made to this machine by name. A page that points its own domain at 127.0.0.1 (DNS rebinding) sends
 * that domain here. The port may be another one than ours: an SSH tunnel has its own.
 */
export function isLoopbackHost(host: string | undefined): boolean {
  const name = host?.replace(/:\d{1,5}$/, '');
  return name !== undefined && LOOPBACK_NAMES.has(name);
}

/** Whether a WebSocket is opened by our own page: browsers send Origin with every one, and scripts cannot set it. */
export function isOwnOrigin(origin: string | undefined, host: string | undefined): boolean {
  return isLoopbackHost(host) && origin === `http://${host}`;
}

export interface Gate {
  /** Header that lets the browser in from now on. */
  readonly setCookie: string;
  /** Whether the URL's query carries the token. */
  admitsQuery(query: URLSearchParams): boolean;
  /** Whether the request carries it as the cookie. */
  admitsCookie(request: IncomingMessage): boolean;
}

/**
 * The token opens the page once from the URL; afterwards it lives in a cookie that scripts cannot read, and the address bar,
 * the history and screenshots no longer show it. Rejected: keeping it in the query for good.
 * Cookies do not tell ports apart, so the name differs for every server: two of them can be open in one browser.
 */
export function createGate(token: string): Gate {
  const digest = sha256(token);
  const name = `moe-studio-${digest.toString('hex').slice(0, 12)}`;
  const matches = (candidate: string | undefined) =>
    candidate !== undefined && timingSafeEqual(sha256(candidate), digest);
  return {
    setCookie: `${name}=${token}; HttpOnly; SameSite=Strict; Path=/`,
    admitsQuery: (query) => matches(query.get('token') ?? undefined),
    admitsCookie: (request) => matches(cookie(request.headers.cookie ?? '', name)),
  };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest();

function cookie(header: string, name: string): string | undefined {
  for (const pair of header.split(';')) {
    const [key, value] = pair.trim().split('=', 2);
    if (key === name) return value;
  }
  return undefined;
}
