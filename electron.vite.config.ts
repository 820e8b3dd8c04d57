import { builtinModules } from 'node:module';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'electron-vite';

/** Everything that runs outside the window. Siblings find each other by `path.join(__dirname, 'rank.cjs')`. */
const MAIN_INPUTS = {
  index: 'src-main/app.ts',
  utility: 'engine/entry/utility.ts',
  serve: 'engine/entry/serve.ts',
  cli: 'engine/entry/cli.ts',
  rank: 'engine/rank/worker.ts',
  link: 'engine/device/link_worker.ts',
  bench: 'test/bench/main.ts',
};

/** `bufferutil` and `utf-8-validate`: optional native helpers that `ws` looks for and does without. */
const EXTERNAL = [
  'electron',
  'onnxruntime-node',
  'bufferutil',
  'utf-8-validate',
  ...builtinModules,
  ...builtinModules.map((name) => `node:${name}`),
];

export default defineConfig({
  main: {
    build: {
      // Some packages are ESM only, which the CommonJS of Electron 22 cannot require: so all are bundled.
      externalizeDeps: false,
      target: 'node16',
      sourcemap: true,
      rolldownOptions: {
        input: MAIN_INPUTS,
        external: EXTERNAL,
        output: { format: 'cjs', entryFileNames: '[name].cjs', chunkFileNames: 'chunks/[name]-[hash].cjs' },
      },
    },
  },
  preload: {
    build: {
      externalizeDeps: false,
      target: 'node16',
      // A sandboxed preload script can require nothing but Electron: one file.
      rolldownOptions: {
        input: { index: 'src-main/preload/index.ts' },
        external: ['electron'],
        output: { format: 'cjs', entryFileNames: '[name].cjs', codeSplitting: false },
      },
    },
  },
  renderer: {
    root: 'src-renderer',
    plugins: [react()],
    build: {
      target: 'chrome108',
      minify: true,
      // Inlined fonts would be data: URLs, which the content security policy refuses.
      assetsInlineLimit: 0,
      rolldownOptions: { input: 'src-renderer/index.html' },
    },
  },
});
