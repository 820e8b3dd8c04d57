import { existsSync } from 'node:fs';
import { type StudioServer, startServer } from '../../engine/entry/http_server.ts';
import { FakeEngine } from './fake_engine.ts';
import { expect, test } from './frame_page.ts';

/** The product's own page from `npm run build`, served as `npm run serve` does, over a WebSocket. */
const WEB_ROOT = 'out/renderer';

test.skip(!existsSync(`${WEB_ROOT}/index.html`), 'needs `npm run build` before');

let engine: FakeEngine;
let server: StudioServer;
let clock: NodeJS.Timeout;

test.beforeEach(async () => {
  engine = new FakeEngine();
  server = await startServer({ engine, webRoot: WEB_ROOT, port: 0 });
  clock = setInterval(() => engine.tick(), 100);
});

test.afterEach(async ({ page }) => {
  clearInterval(clock);
  // A page that outlives its server would report the lost connection as an error.
  await page.goto('about:blank');
  await server.close();
});

test('a browser shows the run, changes it, downloads a report', async ({ frame }) => {
  const { page } = frame;
  await page.goto(server.url);
  await expect(page.getByText('Engine running')).toBeVisible();
  await expect(page.getByRole('img', { name: /^Miss rate against cache size/ })).toBeVisible();

  await frame.slider.focus();
  await page.keyboard.press('Home');
  await expect.poll(() => engine.requests.filter(({ method }) => method === 'change')).toHaveLength(1);

  const download = page.waitForEvent('download');
  await page.keyboard.press('Control+e');
  expect((await download).suggestedFilename()).toBe('run-1.html');

  // A page that comes back finds the run going on instead of starting another.
  await page.reload();
  await expect(page.getByText('Engine running')).toBeVisible();
  await expect(frame.slider).toHaveAttribute('aria-valuetext', '1 slot');
  expect(engine.requests.filter(({ method }) => method === 'start')).toHaveLength(1);
});

test('a second page watches', async ({ frame, context }) => {
  const { page } = frame;
  await page.goto(server.url);
  await expect(page.getByText('Engine running')).toBeVisible();
  const second = await context.newPage();
  await second.goto(server.url);
  await expect(second.getByText(/read only: another window controls it/)).toBeVisible();
  await expect(second.getByRole('button', { name: 'Pause' })).toBeDisabled();
  await expect(second.getByRole('slider', { name: 'Expert cache, slots' })).toBeDisabled();
});
