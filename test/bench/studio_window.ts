import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import WebSocket from 'ws';
import type { RunSettings } from '../../engine/protocol/settings.ts';
import { type BenchContext, CannotRun } from './bench.ts';

const START_MS = 60_000;
const CLOSE_MS = 10_000;
const SCREEN = '1440x900x24';

export interface StudioWindow {
  /** Date.now() just before `npm start` was spawned. */
  readonly spawnedAtMs: number;
  /** Value of an expression in the page; a promise is waited for. */
  evaluate<T>(expression: string): Promise<T>;
  close(): Promise<void>;
}

/**
 * The studio as a person starts it: `npm start`, its own choice of runtime, a display (Xvfb where there is none). The page is asked over
 * Chromium's debugging port by hand, since a test driver takes its own time to attach.
 * @param settings of the run that the window starts by itself
 * @throws CannotRun where there is no runtime or no display
 */
export async function openStudio(context: BenchContext, settings?: RunSettings): Promise<StudioWindow> {
  await needRuntime(context.root);
  const display = await Display.open();
  const home = mkdtempSync(path.join(context.tempDir, 'studio-'));
  const user = path.join(home, 'user');
  mkdirSync(user);
  if (settings !== undefined) {
    const ui = { theme: 'light', view: 'live', inspectorOpen: true, logOpen: false };
    writeFileSync(path.join(user, 'settings.json'), JSON.stringify({ version: 1, ui, run: settings }));
  }
  const spawnedAtMs = Date.now();
  const child = spawn('npm', ['start', '--silent', '--', '--remote-debugging-port=0', `--user-data-dir=${user}`], {
    cwd: context.root,
    env: { ...process.env, ...display.env, MOE_STUDIO_DATA: path.join(home, 'data') },
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own: npm, the script below it and Electron end together.
    detached: true,
  });
  try {
    const page = await PageSocket.connect(await debuggingUrl(child));
    return {
      spawnedAtMs,
      evaluate: (expression) => page.evaluate(expression),
      async close() {
        page.closeWindow();
        await ended(child);
        display.close();
      },
    };
  } catch (error) {
    killGroup(child);
    display.close();
    throw error;
  }
}

async function needRuntime(root: string): Promise<void> {
  // A path at run time: the scripts are not part of the bundle, and find the repository by their own place.
  const file = pathToFileURL(path.join(root, 'scripts/lib/electron_runtime.mjs')).href;
  const { findElectron } = (await import(file)) as { findElectron(): Promise<{ path?: string; why?: string }> };
  const found = await findElectron();
  if (found.path === undefined) throw new CannotRun(found.why ?? 'there is no Electron');
}

/** A display to draw on: the one that is there, or one of our own. */
class Display {
  private constructor(
    readonly env: Readonly<Record<string, string>>,
    private readonly server?: ChildProcess,
  ) {}

  static async open(): Promise<Display> {
    if (process.platform !== 'linux' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY) return new Display({});
    // It chooses a free number and writes it to descriptor 3.
    const server = spawn('Xvfb', ['-displayfd', '3', '-nolisten', 'tcp', '-screen', '0', SCREEN], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
    const failed = once(server, 'error').then(() => {
      throw new CannotRun('there is neither Xvfb nor a display');
    });
    const [number] = (await Promise.race([once(server.stdio[3] as NodeJS.ReadableStream, 'data'), failed])) as [Buffer];
    return new Display({ DISPLAY: `:${number.toString().trim()}` }, server);
  }

  close(): void {
    this.server?.kill();
  }
}

/** Chromium names its debugging address on stderr once it listens. */
async function debuggingUrl(child: ChildProcess): Promise<string> {
  let output = '';
  const found = new Promise<string>((resolve) => {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-10_000);
      const url = /DevTools listening on ws:\/\/([^/\s]+)/.exec(output)?.[1];
      if (url !== undefined) resolve(`http://${url}`);
    });
  });
  const gone = Promise.race([once(child, 'exit'), sleep(START_MS)]).then(() => {
    throw new Error(`the studio did not open a window: ${output.trim().split('\n').slice(-5).join(' | ')}`);
  });
  gone.catch(() => undefined);
  return Promise.race([found, gone]);
}

/** One page over the debugging protocol. */
class PageSocket {
  private next = 0;
  private readonly waiting = new Map<number, (message: { result?: unknown; error?: { message: string } }) => void>();

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as { id?: number; result?: unknown; error?: { message: string } };
      if (message.id !== undefined) this.waiting.get(message.id)?.(message);
    });
    socket.on('close', () => {
      for (const answer of this.waiting.values()) answer({ error: { message: 'the window is gone' } });
    });
  }

  static async connect(url: string): Promise<PageSocket> {
    const deadline = Date.now() + START_MS;
    while (Date.now() < deadline) {
      const targets = (await getJson(`${url}/json/list`)) as { type: string; url: string; webSocketDebuggerUrl: string }[];
      const page = targets.find((target) => target.type === 'page' && target.url.startsWith('studio:'));
      if (page !== undefined) {
        const socket = new WebSocket(page.webSocketDebuggerUrl);
        await once(socket, 'open');
        return new PageSocket(socket);
      }
      await sleep(20);
    }
    throw new Error('the window shows no page of the studio');
  }

  /** The page may still be loading, and throw away what it was asked: it is asked again then. */
  async evaluate<T>(expression: string): Promise<T> {
    const deadline = Date.now() + START_MS;
    for (;;) {
      try {
        return await this.evaluateOnce<T>(expression);
      } catch (error) {
        if (Date.now() > deadline || !/execution context|navigated|collected/i.test((error as Error).message)) throw error;
        await sleep(10);
      }
    }
  }

  private async evaluateOnce<T>(expression: string): Promise<T> {
    const params = { expression, awaitPromise: true, returnByValue: true };
    const answer = (await this.ask('Runtime.evaluate', params)) as {
      result: { value?: unknown };
      exceptionDetails?: { exception?: { description?: string } };
    };
    if (answer.exceptionDetails !== undefined) throw new Error(answer.exceptionDetails.exception?.description ?? 'failed in the page');
    return answer.result.value as T;
  }

  closeWindow(): void {
    this.ask('Page.close', {}).catch(() => undefined);
  }

  private ask(method: string, params: object): Promise<unknown> {
    const id = ++this.next;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, ({ result, error }) => {
        this.waiting.delete(id);
        if (error === undefined) resolve(result);
        else reject(new Error(error.message));
      });
      this.socket.send(JSON.stringify({ id, method, params }));
    });
  }
}

function getJson(url: string): Promise<unknown> {
  return fetch(url).then((response) => response.json());
}

/** The app ends with its window; what does not is ended. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  await Promise.race([once(child, 'exit'), sleep(CLOSE_MS)]);
  if (child.exitCode === null) killGroup(child);
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms).unref());

/** Resolves in the page's first frame after generated text was written into the Text panel, to that moment as Date.now(). */
export const FIRST_TEXT = `new Promise((resolve) => {
  const look = () => {
    const shown = document.querySelector('.live-text-row .live-run-plain, .live-text-row .live-run-waited');
    if (shown !== null && shown.textContent.trim() !== '') requestAnimationFrame(() => resolve(Date.now()));
    else requestAnimationFrame(look);
  };
  look();
})`;
