import { readdirSync } from 'node:fs';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { PAGE_HEADERS } from '../../engine/entry/web_root.ts';

/** Every page in this folder: harness.html is the whole window over a fake engine. */
const PAGES = readdirSync('test/ui')
  .filter((name) => name.endsWith('.html'))
  .map((name) => `test/ui/${name}`);

/**
 * Builds the test pages and serves them under the product's own headers, so that a violation of the
 * content security policy shows here. The product build knows nothing of it. Run from the repository's root:
 * `vite build --config test/ui/vite.config.mjs && vite preview --config test/ui/vite.config.mjs`.
 */
export default defineConfig({
  root: '.',
  publicDir: false,
  plugins: [react()],
  build: {
    target: 'chrome108',
    outDir: 'out/ui-harness',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    rolldownOptions: { input: PAGES },
  },
  server: { port: 5311, strictPort: true },
  preview: { port: 5311, strictPort: true, headers: PAGE_HEADERS },
});
