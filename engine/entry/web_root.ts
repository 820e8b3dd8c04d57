import path from 'node:path';

/**
 * How the built page is served, by the desktop's own scheme and by the browser server alike: which files, as what, and under
 * which policy.
 */

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};

/** `style-src-attr`: ECharts sets style attributes in its tooltips; style sheets and scripts come from the build only. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "style-src-attr 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  // File names of the build carry a hash, but index.html does not; both are local and quick to read.
  'Cache-Control': 'no-cache',
};

export interface Asset {
  readonly file: string;
  readonly contentType: string;
}

/**
 * The file behind a URL's path, `/` being index.html; undefined where the path leaves the root or has a type that the build
 * never writes. Whether the file exists is for the reader to find out.
 * @param root absolute folder
 * @param urlPath as it came, still percent-encoded
 */
export function resolveAsset(root: string, urlPath: string): Asset | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(urlPath);
  } catch {
    return undefined;
  }
  // Backslashes and colons mean something to Windows (`C:`, streams); the build has no such names.
  if (!decoded.startsWith('/') || /[\0\\:]/.test(decoded)) return undefined;
  const file = path.join(root, decoded === '/' ? '/index.html' : decoded);
  if (!file.startsWith(root + path.sep)) return undefined;
  const contentType = CONTENT_TYPES[path.extname(file)];
  return contentType === undefined ? undefined : { file, contentType };
}
