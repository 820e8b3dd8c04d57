import { describe, expect, it } from 'vitest';
import { REQUEST_ARGUMENTS, type RequestChannel } from '../../src-main/ipc/channels.ts';
import { isTrustedSender } from '../../src-main/ipc/sender.ts';

const accepts = (channel: RequestChannel, ...args: unknown[]) => REQUEST_ARGUMENTS[channel].safeParse(args).success;

describe('channels', () => {
  it('take their arguments and nothing more', () => {
    expect(accepts('engine:restart')).toBe(true);
    expect(accepts('engine:restart', 'now')).toBe(false);
    expect(accepts('theme:set', 'dark')).toBe(true);
    expect(accepts('theme:set', 'pink')).toBe(false);
    expect(accepts('theme:set')).toBe(false);
  });

  it.each(['report.html', 'demo-lm 2026-11-24.json'])('save a report as %s', (name) => {
    expect(accepts('report:save', name, '<!doctype html>')).toBe(true);
  });

  it.each(['../report.html', 'a/b.html', 'C:\\report.html', 'stream.html:x.html', 'report.exe', '.html', ''])(
    'refuse to save a report as "%s"',
    (name) => {
      expect(accepts('report:save', name, '')).toBe(false);
    },
  );

  it('remember absolute folders only', () => {
    expect(accepts('recents:add', '/models/olmoe')).toBe(true);
    expect(accepts('recents:add', 'models/olmoe')).toBe(false);
    expect(accepts('recents:add', '')).toBe(false);
  });

  it('store settings that are JSON and not too long', () => {
    expect(accepts('settings:save', '{"version":1}')).toBe(true);
    expect(accepts('settings:save', '{"version":')).toBe(false);
    expect(accepts('settings:save', JSON.stringify('x'.repeat(2 ** 20)))).toBe(false);
  });
});

describe('isTrustedSender', () => {
  it('is our page in the main frame', () => {
    expect(isTrustedSender({ url: 'studio://app/index.html', parent: null })).toBe(true);
    expect(isTrustedSender({ url: 'studio://app/', parent: null })).toBe(true);
  });

  it.each([
    ['a frame inside the page', { url: 'studio://app/', parent: {} }],
    ['another host of the scheme', { url: 'studio://app.example/', parent: null }],
    ['a host that only begins like ours', { url: 'studio://app@example/', parent: null }],
    ['a web page', { url: 'https://app/', parent: null }],
    ['a file', { url: 'file:///app/index.html', parent: null }],
    ['an empty frame', { url: '', parent: null }],
    ['a frame that is gone', null],
  ])('is not %s', (_what, frame) => {
    expect(isTrustedSender(frame)).toBe(false);
  });
});
