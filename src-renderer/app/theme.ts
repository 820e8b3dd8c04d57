import type { StoreApi } from 'zustand/vanilla';
import type { Dispose } from '../../engine/api.ts';
import type { Host } from '../bridge/host.ts';
import type { SettingsState, ThemeChoice } from '../stores/settings.ts';

const systemIsDark = window.matchMedia('(prefers-color-scheme: dark)');

export function applyTheme(choice: ThemeChoice): void {
  const dark = choice === 'system' ? systemIsDark.matches : choice === 'dark';
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
}

/** Keeps the page and the host in the chosen theme; `system` follows the system while the window is open. */
export function followTheme(settings: StoreApi<SettingsState>, host: Host): Dispose {
  let current = settings.getState().ui.theme;
  const apply = () => applyTheme(current);
  const tellHost = () => {
    // The page is in the right theme whatever the host answers; at worst the window frame lags behind.
    host.setTheme(current).catch(() => undefined);
  };
  apply();
  tellHost();
  systemIsDark.addEventListener('change', apply);
  const off = settings.subscribe(({ ui }) => {
    if (ui.theme === current) return;
    current = ui.theme;
    apply();
    tellHost();
  });
  return () => {
    off();
    systemIsDark.removeEventListener('change', apply);
  };
}
