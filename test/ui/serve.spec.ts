import { expect } from './frame_page.ts';
import { test } from './served_studio.ts';

test('the served studio works in a browser, and keeps its token out of the address', async ({ page, served }) => {
  const errors: string[] = [];
  page.on('console', (message) => {
    // Asked for by the browser itself, on the page that only sets the server's cookie.
    if (message.location().url.endsWith('/favicon.ico')) return;
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(served.url);
  await page.waitForURL(new URL('/', served.url).href);
  await expect(page.getByText(/^Engine (ready|running)/)).toBeVisible();
  expect(await page.evaluate(() => document.cookie)).toBe('');
  await page.reload();
  await expect(page.getByText(/^Engine (ready|running)/)).toBeVisible();
  expect(errors).toEqual([]);
});

test('a browser without the token sees nothing', async ({ page, served }) => {
  const response = await page.goto(new URL('/', served.url).href);
  expect(response?.status()).toBe(403);
});

test('the bundled translation model translates, and shows encoder and decoder apart', async ({ page, served }) => {
  await page.goto(served.url);
  await page.waitForURL(new URL('/', served.url).href);
  await page.getByRole('button', { name: /demo-lm/ }).click();
  await page.getByRole('menuitem', { name: /bundled translation model/ }).click();
  await expect(page.getByText(/The encoder leaves \d+ of 64 experts idle/)).toBeVisible();
  await expect(page.getByText(/the decoder leaves 5\d of 64 experts idle in a step/)).toBeVisible();
  await expect(page.locator('.live-text-line').filter({ hasText: '→' }).first()).toBeVisible();
  await expect(page.getByLabel('Translate into')).toContainText('French');
});
