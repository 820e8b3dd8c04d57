import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createGate, isLoopbackHost, isOwnOrigin } from '../../engine/entry/access.ts';

const TOKEN = '00112233445566778899aabbccddeeff';

function requestWithCookie(cookie: string): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.headers.cookie = cookie;
  return request;
}

describe('host and origin', () => {
  it.each(['127.0.0.1:5000', 'localhost:9000', 'localhost', '[::1]:80'])('%s is this machine', (host) => {
    expect(isLoopbackHost(host)).toBe(true);
    expect(isOwnOrigin(`http://${host}`, host)).toBe(true);
  });

  it.each(['rebound.example:5000', '127.0.0.1.example', 'localhost.example:80', '', undefined])(
    '%s is not this machine',
    (host) => {
      expect(isLoopbackHost(host)).toBe(false);
      expect(isOwnOrigin(`http://${host}`, host)).toBe(false);
    },
  );

  it.each(['http://127.0.0.1:5001', 'https://127.0.0.1:5000', 'http://localhost:5000', 'null', '', undefined])(
    'a page of %s is not ours on 127.0.0.1:5000',
    (origin) => {
      expect(isOwnOrigin(origin, '127.0.0.1:5000')).toBe(false);
    },
  );
});

describe('gate', () => {
  const gate = createGate(TOKEN);
  const [pair = ''] = gate.setCookie.split(';');

  it('opens to the token in the query, and then to its cookie among others', () => {
    expect(gate.admitsQuery(new URLSearchParams({ token: TOKEN }))).toBe(true);
    expect(gate.admitsCookie(requestWithCookie(pair))).toBe(true);
    expect(gate.admitsCookie(requestWithCookie(`theme=dark; ${pair}; other=1`))).toBe(true);
  });

  it('stays shut to anything else', () => {
    for (const query of ['', 'token=', `token=${TOKEN.slice(1)}`, `token=${TOKEN}0`, `Token=${TOKEN}`]) {
      expect(gate.admitsQuery(new URLSearchParams(query))).toBe(false);
    }
    for (const cookie of ['', `token=${TOKEN}`, `${pair}0`, `x${pair}`]) {
      expect(gate.admitsCookie(requestWithCookie(cookie))).toBe(false);
    }
  });

  it('keeps the cookie from scripts and other sites, and apart from other servers', () => {
    expect(gate.setCookie).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/);
    expect(createGate(`${TOKEN}0`).setCookie.split('=')[0]).not.toBe(pair.split('=')[0]);
  });
});
