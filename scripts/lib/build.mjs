import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bin, OUT, ROOT } from './paths.mjs';
import { capture } from './proc.mjs';

/** Everything that a build reads, apart from the packages, for which the lock stands. */
const SOURCES = ['engine', 'src-main', 'src-renderer', 'test/bench', 'electron.vite.config.ts', 'package-lock.json'];
const STAMP = join(OUT, '.build-hash');
const LOCK = join(OUT, '.building');
/** A build takes some seconds; a lock older than this was left by one that was killed. */
const LOCK_EXPIRES_MS = 120_000;

/**
 * Builds out/ where it is not what the sources give. Contents are compared, not times: git sets times as it likes.
 * Writes to stderr only.
 */
export async function ensureBuilt() {
  mkdirSync(OUT, { recursive: true });
  const release = await lock();
  try {
    const hash = hashSources();
    if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hash) return;
    rmSync(STAMP, { force: true });
    const begun = Date.now();
    const { code, output } = await capture(process.execPath, [bin('electron-vite/bin/electron-vite.js'), 'build'], {
      cwd: ROOT,
      timeoutMs: LOCK_EXPIRES_MS,
    });
    if (code !== 0) throw new Error(`The build failed:\n${output.trim()}`);
    writeFileSync(STAMP, hash);
    console.error(`Built in ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  } finally {
    release();
  }
}

export function hashSources(root = ROOT) {
  const hash = createHash('sha256');
  for (const source of SOURCES) addToHash(hash, root, source);
  return hash.digest('hex');
}

function addToHash(hash, root, path) {
  const full = join(root, path);
  const stat = statSync(full, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (stat.isDirectory()) {
    for (const name of readdirSync(full).sort()) addToHash(hash, root, `${path}/${name}`);
    return;
  }
  const content = readFileSync(full);
  hash.update(`${path}\0${content.length}\0`).update(content);
}

/** Two commands at once (a test run beside a start) must not write out/ at the same time. */
async function lock() {
  for (;;) {
    try {
      mkdirSync(LOCK);
      return () => rmSync(LOCK, { recursive: true, force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const age = Date.now() - (statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > LOCK_EXPIRES_MS) rmSync(LOCK, { recursive: true, force: true });
    else await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
