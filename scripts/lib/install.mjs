import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './paths.mjs';
import { attach } from './proc.mjs';

/** Installs what package-lock.json names, where node_modules does not hold it already. Writes to stderr only. */
export async function ensureInstalled() {
  const stale = missingPackage();
  if (stale === undefined) return;
  console.error(`Installing packages (npm ci): ${stale}`);
  // On Windows npm is a script that only a shell can start; npm itself tells its scripts where it lives.
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const options = { cwd: ROOT, stdio: ['ignore', 2, 2] };
  const code = npm?.endsWith('.js')
    ? await attach(process.execPath, [npm, ...args], options)
    : await attach('npm', args, options);
  if (code !== 0) throw new Error(`npm ci failed with exit code ${code}: see the lines above.`);
}

/**
 * npm writes what it installed to node_modules/.package-lock.json as its last act, so that file tells a whole installation
 * from a broken one, whoever made it; a stamp of our own would not know of an `npm install` by hand.
 */
function missingPackage() {
  const installedLock = join(ROOT, 'node_modules/.package-lock.json');
  if (!existsSync(installedLock)) return 'node_modules is not there yet';
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedLock, 'utf8')).packages;
  for (const [path, { version, optional }] of Object.entries(wanted)) {
    // Optional packages are those of other platforms, mostly.
    if (path === '' || optional) continue;
    if (installed[path]?.version !== version) return `${path} is not at ${version}`;
  }
  return undefined;
}
