import './theme/base.css';
import { createRoot } from 'react-dom/client';
import { bootStudio } from './app/boot.ts';
import { createStudio } from './app/create_studio.ts';
import { StudioWindow } from './app/studio_window.tsx';
import { applyTheme, followTheme } from './app/theme.ts';
import { createBrowserHost } from './bridge/browser_host.ts';
import { createDesktopHost } from './bridge/desktop_host.ts';
import type { Host } from './bridge/host.ts';

async function main(host: Host) {
  applyTheme('system');
  const root = document.getElementById('root');
  if (root === null) throw new Error('index.html has no #root');
  // Unreadable settings must not keep the studio from opening: it begins with the defaults.
  const stored = await host.readSettings().catch(() => undefined);
  const studio = createStudio(host, stored);
  followTheme(studio.settings, host);
  createRoot(root).render(<StudioWindow studio={studio} />);
  bootStudio(studio);
}

const { studioHost } = window;
void main(studioHost === undefined ? createBrowserHost() : createDesktopHost(studioHost));
