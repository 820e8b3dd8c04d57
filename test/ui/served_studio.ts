import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { test as base, expect, type FramePage } from './frame_page.ts';

export interface ServedStudio {
  /** Address with its token. */
  readonly url: string;
  /** A folder of this test's own, removed after it. */
  readonly folder: string;
}

/** The built studio as `npm run serve` starts it, with its own engine and an empty data folder, for one test. */
export const test = base.extend<{ served: ServedStudio }>({
  served: async ({ page }, use) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'moe-served-'));
    const server = spawn(process.execPath, ['out/main/serve.cjs'], {
      env: { ...process.env, MOE_STUDIO_DATA: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(server, 'exit');
    const [line] = await once(server.stdout, 'data');
    await use({ url: String(line).split('\n')[0]?.trim() ?? '', folder });
    await page.goto('about:blank');
    server.kill('SIGTERM');
    const [code] = await exited;
    await rm(folder, { recursive: true, force: true });
    expect(code).toBe(0);
  },
});

/** Opens the studio and pauses the run that it starts by itself, which would have the processor while a lab computes. */
export async function openPaused({ page }: Pick<FramePage, 'page'>, { url }: ServedStudio): Promise<void> {
  await page.goto(url);
  const loading = { timeout: 120_000 };
  await expect(page.getByText('Engine running')).toBeVisible(loading);
  await page.getByRole('button', { name: 'Pause' }).click(loading);
  await expect(page.getByRole('button', { name: 'Resume' })).toBeVisible();
}

/** What the built command line prints. */
export async function moe(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['out/main/cli.cjs', ...args], { maxBuffer: 2 ** 28 });
  return stdout;
}
