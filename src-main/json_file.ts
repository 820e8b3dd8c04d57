import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { z } from 'zod';
import { writeFileAtomic } from './atomic_file.ts';

/** A small piece of the app's memory: read once, held, written back after each change. */
export interface JsonFile<T> {
  readonly value: T;
  set(value: T): Promise<void>;
  /** Resolves when nothing waits to be written any more. */
  settled(): Promise<void>;
}

/** @param fallback taken where there is no file yet, or one that does not fit the schema (of another version, or damaged) */
export async function openJsonFile<T>(file: string, schema: z.ZodType<T>, fallback: T): Promise<JsonFile<T>> {
  await mkdir(path.dirname(file), { recursive: true });
  let value = parse(await readFile(file, 'utf8').catch(() => ''), schema) ?? fallback;
  // One write after the other, so that the last one set is the last one written.
  let writing: Promise<void> = Promise.resolve();
  return {
    get value() {
      return value;
    },
    set(next) {
      value = next;
      writing = writing.catch(() => undefined).then(() => writeFileAtomic(file, JSON.stringify(next)));
      return writing;
    },
    settled: () => writing.catch(() => undefined),
  };
}

function parse<T>(text: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
