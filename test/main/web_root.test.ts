import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONTENT_SECURITY_POLICY, resolveAsset } from '../../engine/entry/web_root.ts';

const ROOT = path.resolve('/srv/renderer');

describe('resolveAsset', () => {
  it('finds the page and its files', () => {
    expect(resolveAsset(ROOT, '/')).toEqual({
      file: path.join(ROOT, 'index.html'),
      contentType: 'text/html; charset=utf-8',
    });
    expect(resolveAsset(ROOT, '/assets/index-C0.js')?.file).toBe(path.join(ROOT, 'assets/index-C0.js'));
    expect(resolveAsset(ROOT, '/assets/inter%20latin.woff2')?.contentType).toBe('font/woff2');
  });

  it.each([
    '/../secrets.json',
    '/%2e%2e/secrets.json',
    '/assets/..%2f..%2fsecrets.json',
    '/..%5csecrets.json',
    '/../renderer-old/index.html',
    '/c:/windows/a.json',
    '/%00.html',
    '/%',
    '//etc/passwd',
    'index.html',
    '/index.html.map',
    '/assets',
  ])('refuses %s', (urlPath) => {
    expect(resolveAsset(ROOT, urlPath)).toBeUndefined();
  });

  it('never leaves its root', () => {
    const piece = fc.constantFrom('..', '.', '', 'assets', '%2e%2e', '%2f', '%5c', 'a.js', 'index.html');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.constantFrom('/', '%2F', '\\'), (pieces, separator) => {
        const asset = resolveAsset(ROOT, `/${pieces.join(separator)}/x.js`);
        expect(asset === undefined || asset.file.startsWith(ROOT + path.sep)).toBe(true);
      }),
    );
  });
});

it('allows no script but the build, and no frame around the page', () => {
  expect(CONTENT_SECURITY_POLICY).toContain("default-src 'none'");
  expect(CONTENT_SECURITY_POLICY).toContain("script-src 'self';");
  expect(CONTENT_SECURITY_POLICY).toContain("frame-ancestors 'none'");
  expect(CONTENT_SECURITY_POLICY).not.toContain('unsafe-eval');
});
