import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.{ts,mjs}'],
    exclude: ['test/ui/**', 'test/e2e/**'],
    // Ranks are threads started from out/main/rank.cjs.
    globalSetup: ['scripts/lib/vitest_setup.mjs'],
    // Processes, not threads: ONNX Runtime is loaded by some tests, and not made for being loaded by several threads at will.
    pool: 'forks',
    testTimeout: 30_000,
  },
});
