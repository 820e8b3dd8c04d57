import { runBundle } from './lib/bundle.mjs';
import { findElectron } from './lib/electron_runtime.mjs';
import { ROOT } from './lib/paths.mjs';
import { attach, engineEnvironment } from './lib/proc.mjs';
import { sandboxFlags } from './lib/sandbox.mjs';
import { setup } from './lib/setup.mjs';

const hasDisplay = process.platform !== 'linux' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY;

async function start() {
  if (!(await setup())) return 1;
  // The display first: without one there is no reason to fetch anything.
  const electron = hasDisplay ? await findElectron() : { path: undefined, why: 'there is no display' };
  if (electron.path === undefined) {
    console.error(`No desktop window, because ${electron.why}: serving the studio to a browser instead.`);
    await runBundle('serve', []);
    return process.exitCode;
  }
  // Chromium logs an error for every service of the desktop that it does not find; ours go to the terminal all the same.
  const args = ['--log-level=3', ...sandboxFlags(electron.path), ROOT, ...process.argv.slice(2)];
  return attach(electron.path, args, { env: engineEnvironment() });
}

process.exitCode = await start();
