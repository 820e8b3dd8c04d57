import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
export const OUT = join(ROOT, 'out');

/** What is fetched or learned once per machine: Electron runtimes, and which download page did not answer. */
export const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'moe-studio');

/** The executable script of an installed package, to be run with this Node. */
export const bin = (file) => join(ROOT, 'node_modules', file);
