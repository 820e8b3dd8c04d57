import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@playwright/test';

let server: ChildProcess;
let exited: Promise<unknown[]>;
let data: string;
let url: string;

test.beforeEach(async () => {
  data = await mkdtemp(path.join(tmpdir(), 'moe-serve-'));
  server = spawn(process.execPath, ['out/main/serve.cjs'], {
    env: { ...process.env, MOE_STUDIO_DATA: data },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  exited = once(server, 'exit');
  const [line] = await once(server.stdout ?? server, 'data');
  url = String(line).trim();
});
test.afterEach(async () => {
  server.kill('SIGTERM');
  const [code] = await exited;
  await rm(data, { recursive: true, force: true });
  expect(code).toBe(0);
});

test('the served studio works in a browser, and keeps its token out of the address', async ({ page }) => {
  const errors: string[] = [];
  page.on('console', (message) => {
    // Asked for by the browser itself, on the page that only sets the server's cookie.
    if (message.location().url.endsWith('/favicon.ico')) return;
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(url);
  await page.waitForURL(new URL('/', url).href);
  await expect(page.getByText(/^Engine (ready|running)/)).toBeVisible();
  expect(await page.evaluate(() => document.cookie)).toBe('');
  await page.reload();
  await expect(page.getByText(/^Engine (ready|running)/)).toBeVisible();
  expect(errors).toEqual([]);
});

test('a browser without the token sees nothing', async ({ page }) => {
  const response = await page.goto(new URL('/', url).href);
  expect(response?.status()).toBe(403);
});

test('the bundled translation model translates, and shows encoder and decoder apart', async ({ page }) => {
  await page.goto(url);
  await page.waitForURL(new URL('/', url).href);
  await page.getByRole('button', { name: /demo-lm/ }).click();
  await page.getByRole('menuitem', { name: /bundled translation model/ }).click();
  await expect(page.getByText(/The encoder leaves \d+ of 64 experts idle/)).toBeVisible();
  await expect(page.getByText(/the decoder leaves 5\d of 64 experts idle in a step/)).toBeVisible();
  await expect(page.locator('.live-text-line').filter({ hasText: '→' }).first()).toBeVisible();
  await expect(page.getByLabel('Translate into')).toContainText('French');
});
