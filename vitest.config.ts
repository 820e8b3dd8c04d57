import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.{ts,mjs}'],
    exclude: ['test/ui/**', 'test/e2e/**', 'test/webgpu/**'],
    // Ranks are threads started from out/main/rank.cjs.
    globalSetup: ['scripts/lib/vitest_setup.mjs'],
    // Processes, not threads: ONNX Runtime is loaded by some tests, and not made for being loaded by several threads at will.
    pool: 'forks',
    // A file more costs its own imports only; what a test changes of its process it puts back.
    isolate: false,
    // As many as the smallest machine has cores; the default leaves one of two idle.
    maxWorkers: 2,
    // Also beside much else that the machine does.
    testTimeout: 60_000,
  },
});
