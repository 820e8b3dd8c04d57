import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { hashSources } from '../../scripts/lib/build.mjs';

let root;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'moe-build-'));
  mkdirSync(join(root, 'engine/rank'), { recursive: true });
  writeFileSync(join(root, 'engine/rank/worker.ts'), 'one');
  writeFileSync(join(root, 'README.md'), 'words');
});
afterEach(() => rmSync(root, { recursive: true }));

it('sees content, names and new files, but no times and nothing that a build does not read', () => {
  const hashes = [hashSources(root)];
  const step = (change) => {
    change();
    hashes.push(hashSources(root));
    return hashes.at(-1) !== hashes.at(-2);
  };
  const worker = join(root, 'engine/rank/worker.ts');
  expect(step(() => utimesSync(worker, 0, 0))).toBe(false);
  expect(step(() => writeFileSync(join(root, 'README.md'), 'other words'))).toBe(false);
  expect(step(() => writeFileSync(worker, 'two'))).toBe(true);
  expect(step(() => renameSync(worker, join(root, 'engine/rank/other.ts')))).toBe(true);
  expect(step(() => writeFileSync(join(root, 'engine/new.ts'), ''))).toBe(true);
});
