import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from '@playwright/test';
import { openBarePage } from './bare_page.ts';
import { electronArguments, launchStudio, test } from './studio_app.ts';

test('the window comes back where it was', async ({ home }) => {
  const wanted = { x: 120, y: 60, width: 1100, height: 700 };
  const first = await launchStudio(home);
  const boundsOf = ({ app }: typeof first) =>
    app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.getBounds());
  await first.app.evaluate(({ BrowserWindow }, bounds) => BrowserWindow.getAllWindows()[0]?.setBounds(bounds), wanted);
  // The window system answers when it likes.
  await expect.poll(() => boundsOf(first)).toEqual(wanted);
  await first.app.close();
  const second = await launchStudio(home);
  const bounds = await boundsOf(second);
  await second.app.close();
  expect(bounds).toEqual(wanted);
});

test('a second start shows the window that is there', async ({ studio }) => {
  const second = spawn(process.env.ELECTRON_EXEC_PATH ?? '', electronArguments(studio.home), { stdio: 'ignore' });
  const [code] = await once(second, 'exit');
  expect(code).toBe(0);
  expect(studio.app.windows()).toHaveLength(1);
});

test('the menu sends commands to the page', async ({ studio }) => {
  const { app, page } = studio;
  await page.evaluate(() => {
    const seen: string[] = [];
    Object.assign(window, { seen });
    window.studioHost?.onCommand((id) => seen.push(id));
  });
  await app.evaluate(({ Menu }) => {
    const help = Menu.getApplicationMenu()?.items.find(({ label }) => label === 'Help');
    help?.submenu?.items.find(({ label }) => label === 'Keyboard Shortcuts')?.click();
  });
  await expect
    .poll(() => page.evaluate(() => (window as unknown as { seen: string[] }).seen))
    .toEqual(['help.hotkeys']);
});

test('folders and reports go through dialogs, which remember', async ({ studio }) => {
  const { app, home } = studio;
  const model = path.join(home, 'models', 'mine');
  const report = path.join(home, 'report.html');
  await mkdir(model, { recursive: true });
  await app.evaluate(
    ({ dialog }, { folder, file }) => {
      const asked: (string | undefined)[] = [];
      Object.assign(globalThis, { asked });
      const note = (args: unknown[]) => asked.push((args[1] as { defaultPath?: string }).defaultPath);
      const answers = {
        showOpenDialog: async (...args: unknown[]) => {
          note(args);
          return { canceled: false, filePaths: [folder] };
        },
        showSaveDialog: async (...args: unknown[]) => {
          note(args);
          return { canceled: false, filePath: file };
        },
      };
      Object.assign(dialog, answers);
    },
    { folder: model, file: report },
  );
  const page = await openBarePage(app);
  const choose = () => page.evaluate(() => window.studioHost?.chooseModelFolder());
  const save = () => page.evaluate(() => window.studioHost?.saveReport('demo.html', '<!doctype html>é'));
  expect(await choose()).toBe(model);
  expect(await save()).toBe(report);
  expect(await readFile(report, 'utf8')).toBe('<!doctype html>é');
  await choose();
  await save();
  const asked = await app.evaluate(() => (globalThis as unknown as { asked: unknown[] }).asked);
  expect(asked.slice(2)).toEqual([path.join(home, 'models'), path.join(home, 'demo.html')]);

  await page.evaluate((folder) => window.studioHost?.addRecent(folder), model);
  expect(await page.evaluate(() => window.studioHost?.recents())).toMatchObject([
    { path: model, name: 'mine', exists: false },
  ]);
});

test('the theme of the window follows the choice', async ({ studio }) => {
  const page = await openBarePage(studio.app);
  const isDark = () => page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches);
  await page.evaluate(() => window.studioHost?.setTheme('dark'));
  await expect.poll(isDark).toBe(true);
  await page.evaluate(() => window.studioHost?.setTheme('light'));
  await expect.poll(isDark).toBe(false);
});
