import { defineConfig } from '@playwright/test';

/** The real window: ELECTRON_EXEC_PATH names the runtime (`npm test` sets it), out/ is built. */
export default defineConfig({
  testDir: 'test/e2e',
  outputDir: 'test-results/e2e',
  // One window at a time: they share a display and two cores with their engines.
  workers: 1,
  timeout: 150_000,
  expect: { timeout: 40_000 },
  globalTimeout: 540_000,
  forbidOnly: true,
  reporter: 'list',
});
