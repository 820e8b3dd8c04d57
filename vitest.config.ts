import { defineConfig } from 'vitest/config';

/** They put other modules in the place of some, which must be done before anybody loaded those. */
const ALONE = ['test/device/cuda/**/*.test.ts'];

const everywhere = {
  // Ranks are threads started from out/main/rank.cjs.
  globalSetup: ['scripts/lib/vitest_setup.mjs'],
  // Processes, not threads: ONNX Runtime is loaded by some tests, and not made for being loaded by several threads at will.
  pool: 'forks' as const,
  // Also beside much else that the machine does.
  testTimeout: 60_000,
};

export default defineConfig({
  test: {
    // As many as the smallest machine has cores; the default leaves one of two idle.
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...everywhere,
          name: 'shared',
          include: ['test/**/*.test.{ts,mjs}'],
          exclude: ['test/ui/**', 'test/e2e/**', 'test/webgpu/**', ...ALONE],
          // A file more costs its own imports only; what a test changes of its process it puts back.
          isolate: false,
        },
      },
      { test: { ...everywhere, name: 'alone', include: ALONE } },
    ],
  },
});
