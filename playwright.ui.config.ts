import { defineConfig } from '@playwright/test';

/** Not the one of test/ui/vite.config.mjs: a preview that a person has open goes on. `npm test` takes a free one. */
const PORT = Number(process.env.MOE_UI_PORT ?? 5312);
const HARNESS = `http://localhost:${PORT}/test/ui/harness.html`;
const VITE = 'node node_modules/vite/bin/vite.js';
const CONFIG = '--config test/ui/vite.config.mjs';

/** The window in Chromium, over a fake engine. MOE_CHROMIUM names the browser (`npm test` sets it). */
export default defineConfig({
  testDir: 'test/ui',
  outputDir: 'test-results/ui',
  // More than cores: a test mostly waits, for the next frame or look at the page. Each on its own: no file is a chain of long ones.
  workers: 3,
  fullyParallel: true,
  // Generous: beside other stages, on a busy machine of two cores, everything takes long, and a test that waits for nothing fails either way.
  timeout: 150_000,
  expect: { timeout: 40_000 },
  globalTimeout: 900_000,
  forbidOnly: true,
  reporter: 'list',
  use: {
    baseURL: HARNESS,
    viewport: { width: 1440, height: 900 },
    deviceScaleFactor: 1,
    launchOptions: {
      executablePath: process.env.MOE_CHROMIUM ?? '/usr/bin/chromium',
      // Tests run as root in containers, without a GPU and with a small /dev/shm.
      args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    },
  },
  webServer: {
    command: `${VITE} build ${CONFIG} --logLevel error && ${VITE} preview ${CONFIG} --port ${PORT}`,
    url: HARNESS,
    timeout: 90_000,
  },
});
