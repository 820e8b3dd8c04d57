import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { capture } from './proc.mjs';

/** What Chromium and Electron need, by Debian's names; where a name changed between releases, the newer one first. */
const PACKAGES = [
  ['chromium'],
  ['xvfb'],
  ['xauth'],
  ['libgtk-3-0t64', 'libgtk-3-0'],
  ['libnss3'],
  ['libasound2t64', 'libasound2'],
  ['libgbm1'],
  ['libxss1'],
  ['libvulkan1'],
];
const APT_TIMEOUT_MS = 240_000;

/** @type {Promise<{chromium: string | undefined, xvfbRun: string | undefined}> | undefined} */
let ensured;

/**
 * As root on Debian, installs what is missing; elsewhere names it. Once, whoever asks.
 * @returns {Promise<{chromium: string | undefined, xvfbRun: string | undefined}>} programs that are there afterwards
 */
export function ensureSystemPackages() {
  ensured ??= ensure();
  return ensured;
}

async function ensure() {
  if (isDebian()) await ensureDebianPackages();
  const chromium = (await playwrightChromium()) ?? onPath(['chromium', 'chromium-browser', 'google-chrome']);
  const xvfbRun = onPath(['xvfb-run']);
  if (process.platform === 'linux' && !isDebian() && (chromium === undefined || xvfbRun === undefined)) {
    nameMissing(PACKAGES);
  }
  return { chromium, xvfbRun };
}

/** The browser that `playwright install chromium` fetches, where a person did that. */
async function playwrightChromium() {
  const { chromium } = await import('@playwright/test');
  const path = chromium.executablePath();
  return existsSync(path) ? path : undefined;
}

function onPath(names) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}

function isDebian() {
  if (!existsSync('/etc/os-release')) return false;
  return /^ID(_LIKE)?=.*\bdebian\b/m.test(readFileSync('/etc/os-release', 'utf8'));
}

async function ensureDebianPackages() {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: these are dpkg-query's own placeholders
  const query = ['-W', '-f=${db:Status-Abbrev} ${Package}\\n', ...PACKAGES.flat()];
  const { output } = await capture('dpkg-query', query);
  const installed = new Set(output.split('\n').map((line) => (line.startsWith('ii') ? line.split(' ').at(-1) : '')));
  const missing = PACKAGES.filter((names) => !names.some((name) => installed.has(name)));
  if (missing.length === 0) return;
  if (process.getuid() !== 0) {
    nameMissing(missing);
    return;
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await capture('apt-get', ['update'], { env, timeoutMs: APT_TIMEOUT_MS });
  const names = await Promise.all(missing.map(firstKnown));
  console.log(`Installing system packages: ${names.join(' ')}`);
  const args = ['install', '-y', '--no-install-recommends', ...names];
  const { code, output: log } = await capture('apt-get', args, { env, timeoutMs: APT_TIMEOUT_MS });
  if (code !== 0) console.log(`apt-get install failed: ${log.trim().split('\n').at(-1)}`);
}

/** Of a package's names, the one that this release has. */
async function firstKnown(names) {
  for (const name of names) {
    const { output } = await capture('apt-cache', ['policy', name]);
    if (/Candidate: (?!\(none\))/.test(output)) return name;
  }
  return names.at(-1);
}

function nameMissing(packages) {
  const names = packages.map((alternatives) => alternatives.at(-1));
  console.log(`The UI and desktop tests need these system packages (Debian's names): ${names.join(' ')}`);
}
