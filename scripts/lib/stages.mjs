import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findElectron } from './electron_runtime.mjs';
import { bin, ROOT } from './paths.mjs';
import { attach, capture } from './proc.mjs';
import { noCounts, playwrightCounts, vitestCounts } from './results.mjs';
import { softwareGpu } from './software_gpu.mjs';
import { ensureSystemPackages } from './system_packages.mjs';
import { fetchTestRuntime } from './test_runtime.mjs';

/**
 * @typedef {object} Outcome
 * @property {boolean} ok
 * @property {import('./results.mjs').Counts} [counts] absent for a stage that holds no tests by its nature
 * @property {string} [note] why tests were skipped
 */

const TYPESCRIPT = 'typescript/bin/tsc';
const VITEST = 'vitest/vitest.mjs';
const PLAYWRIGHT = '@playwright/test/cli.js';
const SCREEN = '-screen 0 1440x900x24';

const node = (script, args, options) => attach(process.execPath, [bin(script), ...args], { cwd: ROOT, ...options });

/** Stages of `npm test` in their order, cheap ones first. @type {Record<string, () => Promise<Outcome>>} */
export const STAGES = {
  async typecheck() {
    const codes = [];
    for (const project of ['tsconfig.node.json', 'tsconfig.web.json']) {
      codes.push(await node(TYPESCRIPT, ['-p', project], { timeoutMs: 120_000 }));
    }
    return { ok: codes.every((code) => code === 0) };
  },

  async lint() {
    return { ok: (await node('@biomejs/biome/bin/biome', ['check', '.'], { timeoutMs: 60_000 })) === 0 };
  },

  unit: () =>
    withReport(async (file) => {
      const args = ['run', '--passWithNoTests', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
      const code = await node(VITEST, args, { timeoutMs: 900_000 });
      return counted(code, vitestCounts(file));
    }),

  async webgpu() {
    const { chromium, electron } = await prepareWindows();
    const env = softwareGpu([chromium, electron.path]);
    const config = ['--config', 'vitest.webgpu.config.ts'];
    if (env === undefined) {
      const { output } = await capture(process.execPath, [bin(VITEST), 'list', ...config], { cwd: ROOT });
      const count = output.split('\n').filter((line) => line.includes(' > ')).length;
      return noneRan(count, 'neither Chromium nor Electron brings a software graphics card here');
    }
    return withReport(async (file) => {
      const args = ['run', ...config, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
      const code = await node(VITEST, args, { env: { ...process.env, ...env }, timeoutMs: 900_000 });
      return counted(code, vitestCounts(file));
    });
  },

  async ui() {
    const { chromium } = await ensureSystemPackages();
    if (chromium === undefined)
      return skipped('ui', 'there is no Chromium (on PATH, or from npx playwright install chromium)');
    return playwright('ui', { MOE_CHROMIUM: chromium, MOE_UI_PORT: String(await freePort()) });
  },

  async e2e() {
    const { chromium, xvfbRun, electron } = await prepareWindows();
    if (electron.path === undefined) return skipped('e2e', electron.why);
    const hasDisplay = process.platform !== 'linux' || process.env.DISPLAY;
    if (xvfbRun === undefined && !hasDisplay) return skipped('e2e', 'there is neither Xvfb nor a display');
    const card = softwareGpu([electron.path, chromium]);
    if (card === undefined) return skipped('e2e', 'neither Electron nor Chromium brings a software graphics card here');
    return playwright('e2e', { ...card, ELECTRON_EXEC_PATH: electron.path }, xvfbRun);
  },
};

let windows;

/**
 * What tests of windows need beyond npm's packages, once, whoever asks first: it comes over the network and is better begun early.
 * @returns {Promise<{chromium: string | undefined, xvfbRun: string | undefined, electron: {path: string | undefined, why?: string}}>}
 */
export function prepareWindows() {
  windows ??= (async () => {
    const packages = await ensureSystemPackages();
    const found = await findElectron();
    return { ...packages, electron: found.path === undefined ? await fetchTestRuntime() : found };
  })();
  return windows;
}

function playwright(name, env, xvfbRun) {
  return withReport(async (file) => {
    const args = [bin(PLAYWRIGHT), 'test', ...configOf(name), '--pass-with-no-tests', '--reporter=list,json'];
    const options = {
      cwd: ROOT,
      env: { ...process.env, ...env, PLAYWRIGHT_JSON_OUTPUT_FILE: file },
      timeoutMs: 900_000,
    };
    const code = xvfbRun
      ? await attach(xvfbRun, ['-a', '-s', SCREEN, process.execPath, ...args], options)
      : await attach(process.execPath, args, options);
    return counted(code, playwrightCounts(file));
  });
}

async function freePort() {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

const configOf = (name) => ['--config', `playwright.${name}.config.ts`];

/** A runner that failed without a failing test in its report (it was killed, its report is missing) is one failure itself. */
function counted(code, counts) {
  const failed = code !== 0 && counts.failed === 0 ? 1 : counts.failed;
  return { ok: code === 0, counts: { ...counts, failed } };
}

/** Tests that cannot run here still count: as skipped. @returns {Promise<Outcome>} */
async function skipped(name, why) {
  const { output } = await capture(process.execPath, [bin(PLAYWRIGHT), 'test', ...configOf(name), '--list'], {
    cwd: ROOT,
  });
  const count = Number(/Total: (\d+) test/.exec(output)?.[1] ?? 0);
  return noneRan(count, why);
}

const noneRan = (count, why) => ({
  ok: true,
  counts: { ...noCounts(), skipped: count },
  note: `${count} tests skipped, because ${why}`,
});

async function withReport(use) {
  const folder = mkdtempSync(join(tmpdir(), 'moe-test-'));
  try {
    return await use(join(folder, 'report.json'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
