import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { _electron, test as base, type ElectronApplication, type Page } from '@playwright/test';

const ROOT = path.resolve(import.meta.dirname, '../..');

export interface StudioApp {
  readonly app: ElectronApplication;
  readonly page: Page;
  /** A fresh folder for what the app remembers and records. */
  readonly home: string;
}

/** Starts the built app in the real runtime, with its memory in `home`. */
export async function launchStudio(home: string): Promise<StudioApp> {
  const executablePath = process.env.ELECTRON_EXEC_PATH;
  if (!executablePath) throw new Error('ELECTRON_EXEC_PATH is not set: run these tests with `npm test -- e2e`.');
  const app = await _electron.launch({
    executablePath,
    args: electronArguments(home),
    // The app's own choice, not one that Playwright would force on the page.
    colorScheme: null,
    env: { ...environment(), MOE_STUDIO_DATA: path.join(home, 'data') },
  });
  const page = await app.firstWindow();
  await page.waitForLoadState();
  return { app, page, home };
}

/** Flags first, then the application's folder. Root, as which tests run in containers, has to do without the sandbox. */
export const electronArguments = (home: string) => ['--no-sandbox', `--user-data-dir=${path.join(home, 'user')}`, ROOT];

/** Playwright takes no undefined values. */
function environment(): Record<string, string> {
  const entries = Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  return Object.fromEntries(entries);
}

/** A test with a window of its own: `({ studio }) => ...`. */
export const test = base.extend<{ home: string; studio: StudioApp }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of the fixtures from this pattern
  home: async ({}, use) => {
    const home = await mkdtemp(path.join(tmpdir(), 'moe-e2e-'));
    await use(home);
    await rm(home, { recursive: true, force: true });
  },
  studio: async ({ home }, use) => {
    const studio = await launchStudio(home);
    await use(studio);
    await studio.app.close();
  },
});
