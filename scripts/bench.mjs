import { runBundle } from './lib/bundle.mjs';

await runBundle('bench');
