import path from 'node:path';
import { BrowserWindow, dialog, nativeTheme, screen } from 'electron';
import type { JsonFile } from './json_file.ts';
import { APP_ORIGIN } from './origin.ts';
import type { Preferences } from './preferences.ts';
import { placeWindow, SMALLEST_WINDOW } from './window_state.ts';

/** The page's own background per theme (theme/tokens.css), so that nothing flashes before its first paint. */
const BACKGROUND = { dark: '#101214', light: '#f4f5f6' } as const;

const background = () => (nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light);

/** Opens the studio's window where it was last time. */
export async function openWindow(preferences: JsonFile<Preferences>): Promise<BrowserWindow> {
  const remembered = preferences.value.window;
  const primary = screen.getPrimaryDisplay();
  const others = screen.getAllDisplays().filter((display) => display.id !== primary.id);
  const window = new BrowserWindow({
    ...placeWindow(remembered, [primary.workArea, ...others.map((display) => display.workArea)]),
    minWidth: SMALLEST_WINDOW.width,
    minHeight: SMALLEST_WINDOW.height,
    title: 'MoE Studio',
    backgroundColor: background(),
    show: false,
    webPreferences: {
      preload: path.join(__dirname, '../preload/index.cjs'),
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
    },
  });
  if (remembered?.maximized) window.maximize();
  if (remembered?.fullScreen) window.setFullScreen(true);
  window.once('ready-to-show', () => window.show());

  const followTheme = () => window.setBackgroundColor(background());
  nativeTheme.on('updated', followTheme);
  window.on('closed', () => nativeTheme.off('updated', followTheme));
  window.on('close', () => remember(window, preferences));
  window.webContents.on('render-process-gone', (_event, { reason }) => offerReload(window, reason));

  await window.loadURL(`${APP_ORIGIN}/`);
  return window;
}

function remember(window: BrowserWindow, preferences: JsonFile<Preferences>): void {
  const state = {
    // Those of before the window was maximised.
    bounds: window.getNormalBounds(),
    maximized: window.isMaximized(),
    fullScreen: window.isFullScreen(),
  };
  preferences.set({ ...preferences.value, window: state }).catch((error: Error) => {
    console.error(`The window's place could not be remembered: ${error.message}`);
  });
}

/** The page's process ended; the engine and its run go on without it. */
async function offerReload(window: BrowserWindow, reason: string): Promise<void> {
  if (window.isDestroyed() || reason === 'clean-exit') return;
  await dialog.showMessageBox(window, {
    type: 'error',
    message: 'The window stopped working.',
    detail: `Its process ended (${reason}). The engine still runs, and the run is on disk up to its last step.`,
    buttons: ['Reload'],
  });
  if (!window.isDestroyed()) window.reload();
}
