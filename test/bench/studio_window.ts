import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RunSettings } from '../../engine/protocol/settings.ts';
import { type BenchContext, CannotRun } from './bench.ts';
import { PageSocket } from './page_socket.ts';
import { sleep } from './statistics.ts';

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
    const server = spawn('Xvfb', ['-displayfd', '3', '-nolisten', 'tcp', '-screen', '0', SCREEN], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
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

/** Resolves in the page's first frame after generated text was written into the Text panel, to that moment as Date.now(). */
export const FIRST_TEXT = `new Promise((resolve) => {
  const look = () => {
    const shown = document.querySelector('.live-text-row .live-run-plain, .live-text-row .live-run-waited');
    if (shown !== null && shown.textContent.trim() !== '') requestAnimationFrame(() => resolve(Date.now()));
    else requestAnimationFrame(look);
  };
  look();
})`;
