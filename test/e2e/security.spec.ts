import { expect } from '@playwright/test';
import { CONTENT_SECURITY_POLICY } from '../../engine/entry/web_root.ts';
import { openBarePage } from './bare_page.ts';
import { test } from './studio_app.ts';

test('the page is isolated and sandboxed', async ({ studio }) => {
  const preferences = await studio.app.evaluate(({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as { getLastWebPreferences(): object };
    return contents.getLastWebPreferences();
  });
  expect(preferences).toMatchObject({
    contextIsolation: true,
    sandbox: true,
    nodeIntegration: false,
    webviewTag: false,
  });
  const reach = await studio.page.evaluate(() => {
    const { require, process, module } = globalThis as Record<string, unknown>;
    return { require: typeof require, process: typeof process, module: typeof module, host: typeof window.studioHost };
  });
  expect(reach).toEqual({ require: 'undefined', process: 'undefined', module: 'undefined', host: 'object' });
});

test('the page comes with the strict policy, which holds', async ({ studio }) => {
  const { app } = studio;
  const page = await openBarePage(app);
  const policy = await page.evaluate(async () => (await fetch('/index.html')).headers.get('content-security-policy'));
  expect(policy).toBe(CONTENT_SECURITY_POLICY);
  const violated = await page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective));
        const script = document.createElement('script');
        script.textContent = 'window.injected = true';
        document.documentElement.append(script);
      }),
  );
  expect(violated).toMatch(/^script-src/);
  expect(await page.evaluate(() => 'injected' in window)).toBe(false);
  await expect(page.evaluate(() => fetch('https://example.com/'))).rejects.toThrow('Failed to fetch');
});

test('only files of the build are served', async ({ studio }) => {
  const page = await openBarePage(studio.app);
  const status = (url: string) => page.evaluate(async (address) => (await fetch(address)).status, url);
  expect(await status('/index.html')).toBe(200);
  for (const url of [
    '/../../package.json',
    '/assets/..%2f..%2f..%2fpackage.json',
    '/%2e%2e/main/index.cjs',
    '/none.js',
  ]) {
    expect(await status(url), url).toBe(404);
  }
});

test('the page cannot navigate, open windows or use devices', async ({ studio }) => {
  const { app, page } = studio;
  const before = page.url();
  // Registered after the app's own listener, so it sees what that one decided.
  const navigation = await app.evaluateHandle(({ BrowserWindow }) => {
    const seen: { prevented?: Promise<boolean> } = {};
    seen.prevented = new Promise((resolve) => {
      BrowserWindow.getAllWindows()[0]?.webContents.once('will-navigate', (event) => resolve(event.defaultPrevented));
    });
    return seen;
  });
  await page.evaluate(() => {
    location.href = 'studio://app/nothing.html';
  });
  expect(await navigation.evaluate(({ prevented }) => prevented)).toBe(true);
  expect(await page.evaluate(() => window.open('https://example.com/'))).toBeNull();
  expect(await page.evaluate(() => window.open('studio://app/'))).toBeNull();
  const states = await page.evaluate(() =>
    Promise.all(
      (['geolocation', 'notifications', 'midi'] as PermissionName[]).map(
        async (name) => (await navigator.permissions.query({ name })).state,
      ),
    ),
  );
  expect(states).toEqual(['denied', 'denied', 'denied']);
  expect(page.url()).toBe(before);
  expect(app.windows()).toHaveLength(1);
});

test('main answers our page only, and only what was agreed', async ({ studio }) => {
  const { app } = studio;
  const ours = await openBarePage(app);
  expect(await ours.evaluate(() => window.studioHost?.engineState())).toMatchObject({ kind: 'running' });
  await expect(ours.evaluate(() => window.studioHost?.saveReport('../report.html', ''))).rejects.toThrow(
    'report:save: must be',
  );
  await expect(ours.evaluate(() => window.studioHost?.setTheme('pink' as 'dark'))).rejects.toThrow('theme:set');

  const stranger = await openBarePage(app, 'data:text/html,stranger');
  await expect(stranger.evaluate(() => window.studioHost?.engineState())).rejects.toThrow('not for this sender');
});

test('the studio draws itself without breaking its own rules', async ({ studio }) => {
  const errors: string[] = [];
  const { page } = studio;
  // A reload that cuts off the first load would report the view's code as not fetched: that is no fault of the page.
  await expect(page.getByRole('heading', { name: 'Expert cache' }).first()).toBeVisible();
  await page.waitForLoadState('networkidle');
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.reload();
  await expect(page.getByRole('button', { name: /^(Run|Pause)$/ })).toBeVisible();
  await page.waitForLoadState('networkidle');
  expect(errors).toEqual([]);
});
