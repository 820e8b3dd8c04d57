import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/ui/**', 'test/e2e/**'],
    // Processes, not threads: ONNX Runtime is loaded by some tests, and not made for being loaded by several threads at will.
    pool: 'forks',
    testTimeout: 30_000,
  },
});
