import { defineConfig } from 'vitest/config';

/** Tests on a software graphics card; `npm test -- webgpu` sets the environment in which Vulkan finds it. */
export default defineConfig({
  test: {
    include: ['test/webgpu/**/*.test.ts'],
    globalSetup: ['scripts/lib/vitest_setup.mjs'],
    pool: 'forks',
    // The card computes on all cores, and compiles its programs anew in every process.
    maxWorkers: 1,
    testTimeout: 300_000,
  },
});
