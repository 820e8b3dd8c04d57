import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { app, BrowserWindow, clipboard, Menu, nativeTheme } from 'electron';
import { bundledModelsDir, defaultDataDir } from '../engine/entry/folders.ts';
import { writeFileAtomic } from './atomic_file.ts';
import { chooseLabFile, chooseModelFolder, saveReport } from './dialogs.ts';
import { EngineHost } from './engine_host.ts';
import { forkEngine } from './engine_process.ts';
import { createEngineWindows } from './engine_windows.ts';
import { handleRequests, notify } from './ipc/main_ipc.ts';
import { openJsonFile } from './json_file.ts';
import { buildMenu } from './menu.ts';
import { declareScheme, servePage } from './page_protocol.ts';
import { FIRST_PREFERENCES, Preferences } from './preferences.ts';
import { RecentEntries, Recents } from './recents.ts';
import { lockDown, refuseNavigation } from './security.ts';
import { openWindow } from './window.ts';

// Root has to run without the sandbox, and then Electron refuses to be asked for it.
if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox();
// Without a graphics device Chromium would emulate one, on the very cores that the engine computes with.
if (process.platform === 'linux' && !existsSync('/dev/dri')) app.disableHardwareAcceleration();
declareScheme();
refuseNavigation();

if (app.requestSingleInstanceLock()) {
  app.whenReady().then(start).catch(fail);
} else {
  // The instance that is there shows its window.
  app.quit();
}

async function start(): Promise<void> {
  const memory = (name: string) => path.join(app.getPath('userData'), name);
  const preferences = await openJsonFile<Preferences>(memory('preferences.json'), Preferences, FIRST_PREFERENCES);
  const recents = new Recents(await openJsonFile(memory('recents.json'), RecentEntries, []));
  const pageSettings = memory('settings.json');
  nativeTheme.themeSource = preferences.value.theme;

  const folders = { dataDir: defaultDataDir(), modelsDir: bundledModelsDir(__dirname) };
  const engine = new EngineHost(() => forkEngine(folders));
  const engineWindows = createEngineWindows(engine);

  handleRequests({
    'engine:connect': (sender) => engineWindows.add(sender),
    'engine:state': () => engine.state,
    'engine:restart': () => engine.restart(),
    'model:choose': (sender) => chooseModelFolder(sender, preferences),
    'lab:choose': (sender) => chooseLabFile(sender, preferences),
    'recents:list': () => recents.list(),
    'recents:add': (_sender, folder) => recents.add(folder),
    'recents:remove': (_sender, folder) => recents.remove(folder),
    'report:save': (sender, fileName, content) => saveReport(sender, preferences, fileName, content),
    // Electron 44 made this asynchronous.
    'text:copy': async (_sender, text) => await clipboard.writeText(text),
    'settings:load': () => readFile(pageSettings, 'utf8').catch(() => undefined),
    'settings:save': (_sender, json) => writeFileAtomic(pageSettings, json),
    'theme:set': (_sender, theme) => {
      nativeTheme.themeSource = theme;
      return preferences.set({ ...preferences.value, theme });
    },
  });
  lockDown();
  servePage();
  Menu.setApplicationMenu(buildMenu(runCommand));

  app.on('second-instance', () => {
    const [window] = BrowserWindow.getAllWindows();
    if (window?.isMinimized()) window.restore();
    window?.focus();
  });
  app.on('window-all-closed', () => app.quit());
  app.on('will-quit', (event) => {
    event.preventDefault();
    Promise.all([engine.stop(), preferences.settled()]).finally(() => app.exit());
  });

  // The engine first: it opens its libraries while the page loads.
  engine.start();
  await openWindow(preferences);
}

function runCommand(id: string): void {
  const window = BrowserWindow.getFocusedWindow() ?? BrowserWindow.getAllWindows()[0];
  if (window !== undefined) notify(window.webContents, 'menu:command', id);
}

function fail(error: Error): void {
  console.error(error);
  app.exit(1);
}
