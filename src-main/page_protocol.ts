import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { protocol } from 'electron';
import { PAGE_HEADERS, resolveAsset } from '../engine/entry/web_root.ts';
import { APP_HOST, APP_SCHEME } from './origin.ts';

/** The built page under `studio://app/`. */

const WEB_ROOT = path.join(__dirname, '../renderer');

/** Before the app is ready. */
export function declareScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: APP_SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
}

/** After the app is ready. */
export function servePage(): void {
  // Electron 22, on which the tests run where the pinned one cannot be had, has the older form only.
  if (typeof protocol.handle === 'function') {
    protocol.handle(APP_SCHEME, async ({ url }) => {
      const { status, headers, body } = await answer(url);
      return new Response(new Uint8Array(body), { status, headers });
    });
    return;
  }
  protocol.registerBufferProtocol(APP_SCHEME, ({ url }, respond) => {
    answer(url).then(({ status, headers, body }) => {
      respond({ statusCode: status, headers, mimeType: headers['Content-Type']?.split(';')[0], data: body });
    });
  });
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

async function answer(url: string): Promise<Answer> {
  const { host, pathname } = new URL(url);
  const asset = host === APP_HOST ? resolveAsset(WEB_ROOT, pathname) : undefined;
  const body = asset && (await readFile(asset.file).catch(() => undefined));
  if (asset === undefined || body === undefined) {
    return {
      status: 404,
      headers: { ...PAGE_HEADERS, 'Content-Type': 'text/plain' },
      body: Buffer.from('Not found\n'),
    };
  }
  return { status: 200, headers: { ...PAGE_HEADERS, 'Content-Type': asset.contentType }, body };
}
