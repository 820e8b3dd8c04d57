import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readJsonObject } from '../checkpoint/files.ts';
import { writeAtomically } from '../checkpoint/write_atomically.ts';
import type { LoadRate } from '../protocol/fit.ts';

const NAME = 'load_rate.json';
const MOST_BYTES = 4096;
/** A load much smaller than the one known says more about starting than about reading. */
const COMPARABLE = 0.5;

const Stored = z.object({ bytesPerSecond: z.number().positive(), bytes: z.number().positive() });

/** How fast weights were last loaded on this machine. @returns undefined before the first time, or where the note cannot be read */
export function readLoadRate(dataDir: string): LoadRate | undefined {
  const file = path.join(dataDir, NAME);
  if (!existsSync(file)) return undefined;
  try {
    return Stored.parse(readJsonObject(file, MOST_BYTES));
  } catch {
    // A note of our own that was damaged: the next load writes it again.
    return undefined;
  }
}

/** Keeps what was measured, unless a much larger load is known. */
export function noteLoadRate(dataDir: string, bytes: number, ms: number): void {
  const known = readLoadRate(dataDir);
  if (known !== undefined && bytes < COMPARABLE * known.bytes) return;
  const rate: LoadRate = { bytesPerSecond: (bytes / ms) * 1000, bytes };
  mkdirSync(dataDir, { recursive: true });
  writeAtomically(path.join(dataDir, NAME), `${JSON.stringify(rate)}\n`);
}
