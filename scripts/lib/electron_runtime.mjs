import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CACHE, ROOT } from './paths.mjs';
import { cachedTestRuntime } from './test_runtime.mjs';

const PACKAGE = join(ROOT, 'node_modules/electron');
/** A download that brings no byte for this long is given up. */
const SILENCE_MS = 6_000;
/** After a failed download the page is left alone for a day, so that later starts are quick. */
const RETRY_AFTER_MS = 24 * 3600 * 1000;

/**
 * An Electron that can be run, without fetching more than the pinned one's own binary.
 * @returns {Promise<{path: string, from: string} | {path: undefined, why: string}>} `why` is a clause for a sentence
 */
export async function findElectron() {
  const given = process.env.ELECTRON_EXEC_PATH;
  if (given) {
    if (existsSync(given)) return { path: given, from: 'ELECTRON_EXEC_PATH' };
    return { path: undefined, why: `ELECTRON_EXEC_PATH names ${given}, which is not there` };
  }
  const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
  const pinned = pinnedBinary() ?? ((await fetchPinned(version)) ? pinnedBinary() : undefined);
  if (pinned !== undefined) return { path: pinned, from: `Electron ${version}` };
  const cached = cachedTestRuntime();
  if (cached !== undefined) return { path: cached, from: 'the runtime fetched for the tests' };
  return {
    path: undefined,
    why: `Electron ${version} could not be downloaded (tried again after a day, or with npx install-electron)`,
  };
}

function pinnedBinary() {
  const pathFile = join(PACKAGE, 'path.txt');
  if (!existsSync(pathFile)) return undefined;
  const binary = join(PACKAGE, 'dist', readFileSync(pathFile, 'utf8'));
  return existsSync(binary) ? binary : undefined;
}

/**
 * Runs the electron package's own installer. Its temporary folder is one that we watch: a slow download grows there and is
 * waited for; silence is not. (Asking the page ourselves first would not know of mirrors, proxies and its own cache.)
 */
async function fetchPinned(version) {
  const stamp = join(CACHE, `electron-${version}.unreachable`);
  const failedAt = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (Date.now() - failedAt < RETRY_AFTER_MS) return false;
  console.error(`Fetching Electron ${version} (once)`);
  const temp = mkdtempSync(join(tmpdir(), 'moe-electron-'));
  const child = spawn(process.execPath, [join(PACKAGE, 'install.js')], {
    env: { ...process.env, TMPDIR: temp, TMP: temp, TEMP: temp, ELECTRON_GET_NO_PROGRESS: '1' },
    stdio: 'ignore',
  });
  const growing = () => sizeOf(temp) + sizeOf(join(PACKAGE, 'dist'));
  let lastSize = growing();
  const watch = setInterval(() => {
    const size = growing();
    if (size === lastSize) child.kill();
    lastSize = size;
  }, SILENCE_MS);
  const [code] = await once(child, 'exit');
  clearInterval(watch);
  rmSync(temp, { recursive: true, force: true });
  if (code === 0) return true;
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(stamp, `install.js ended with ${code ?? 'no answer'}\n`);
  return false;
}

function sizeOf(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path).reduce((total, name) => total + sizeOf(join(path, name)), 0);
}
