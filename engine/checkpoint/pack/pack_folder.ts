import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { EngineRefusal } from '../../api.ts';
import type { PackInfo } from '../../protocol/packs.ts';
import { writeAtomically } from '../write_atomically.ts';

/**
 * An expert pack: the experts of one model at one precision, converted once, a folder of its own among others.
 *   experts.bin   their bytes one behind the other, each from a page's begin, as sessions map them; `experts.part` while incomplete
 *   hashes.part   a line for every expert that is written, so that a conversion goes on where it was killed
 *   pack.json     what it is, and that it is whole: it comes last
 *   in-use-*      while an engine reads from it
 */
export const EXPERTS_NAME = 'experts.bin';
export const PART_NAME = 'experts.part';
export const JOURNAL_NAME = 'hashes.part';
const MANIFEST_NAME = 'pack.json';
const USE_PREFIX = 'in-use-';
const MOST_EXPERTS = 1 << 22;
export const HASH_DIGITS = 32;

const Manifest = z.object({
  format: z.literal('moe-studio-pack'),
  version: z.literal(1),
  model: z.string().max(1024),
  precision: z.enum(['fp32', 'fp16', 'int8', 'int4']),
  key: z.string(),
  bytes: z.int().min(0),
  /** Of `experts.bin` when its hashes were last found right. */
  state: z.string(),
  /** First 32 hex digits of each expert's SHA-256. */
  hashes: z.array(z.string().length(HASH_DIGITS)).max(MOST_EXPERTS),
});
export type Manifest = z.infer<typeof Manifest>;

/** Undefined where there is none that can be read: the pack is then made anew. */
export function readManifest(folder: string): Manifest | undefined {
  try {
    return Manifest.parse(JSON.parse(readFileSync(path.join(folder, MANIFEST_NAME), 'utf8')));
  } catch {
    return undefined;
  }
}

export function writeManifest(folder: string, manifest: Manifest): void {
  writeAtomically(path.join(folder, MANIFEST_NAME), JSON.stringify(manifest));
}

export function removeManifest(folder: string): void {
  rmSync(path.join(folder, MANIFEST_NAME), { force: true });
}

/**
 * What changes whenever a file is written to: no program can set the time of its last change of state. A pack of this state has
 * been hashed before; hashing tens of gigabytes at every start would read the model twice.
 */
export function stateOf(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  const { size, mtimeMs, ctimeMs, ino } = statSync(file);
  return [size, mtimeMs, ctimeMs, ino].join(' ');
}

let holds = 0;

/** Marks a pack as being read. @returns what takes the mark away */
export function holdPack(folder: string): () => void {
  const mark = path.join(folder, `${USE_PREFIX}${process.pid}-${holds++}`);
  writeFileSync(mark, '');
  return () => rmSync(mark, { force: true });
}

/** All packs in a folder of packs, by name; none where there is no such folder. */
export function listPacks(packsDir: string): PackInfo[] {
  if (!existsSync(packsDir)) return [];
  return readdirSync(packsDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
    .flatMap((name) => packInfo(path.join(packsDir, name)) ?? []);
}

function packInfo(folder: string): PackInfo | undefined {
  const manifest = readManifest(folder);
  const file = path.join(folder, manifest === undefined ? PART_NAME : EXPERTS_NAME);
  // Nobody else's folder is listed, let alone emptied.
  if (!existsSync(file)) return undefined;
  const name = path.basename(folder);
  return {
    name,
    path: folder,
    bytes: statSync(file).size,
    complete: manifest !== undefined,
    inUse: isHeld(folder),
    ...(manifest && { model: manifest.model, precision: manifest.precision }),
  };
}

/**
 * Removes packs, whole and begun ones, but for those that an engine reads from.
 * @returns what was removed, and what stayed
 */
export function emptyPacks(packsDir: string): { readonly removed: PackInfo[]; readonly kept: PackInfo[] } {
  const packs = listPacks(packsDir);
  const kept = packs.filter((pack) => pack.inUse);
  const removed = packs.filter((pack) => !pack.inUse);
  for (const { name, path: folder } of removed) {
    try {
      removeManifest(folder);
      rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      throw new EngineRefusal(
        `${name}: the pack cannot be removed (${(error as NodeJS.ErrnoException).code}); stop what still reads it, and try again.`,
      );
    }
  }
  return { removed, kept };
}

/** Marks of processes that are gone do not count, and go. */
function isHeld(folder: string): boolean {
  let held = false;
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(USE_PREFIX)) continue;
    if (isAlive(Number(name.slice(USE_PREFIX.length).split('-')[0]))) held = true;
    else rmSync(path.join(folder, name), { force: true });
  }
  return held;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, and another account's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
