import { access } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { RecentModel } from '../src-renderer/bridge/host_api.ts';
import type { JsonFile } from './json_file.ts';

export const RecentEntries = z.array(z.object({ path: z.string(), openedAt: z.string() }));
export type RecentEntries = z.infer<typeof RecentEntries>;

const MOST_RECENTS = 12;

/** Model folders that were opened, latest first; the systems' own lists exist on two of three only. */
export class Recents {
  readonly #file: JsonFile<RecentEntries>;

  constructor(file: JsonFile<RecentEntries>) {
    this.#file = file;
  }

  /** A folder that is not there now stays in the list: it may be on a disk that is plugged in later. */
  list(): Promise<RecentModel[]> {
    return Promise.all(
      this.#file.value.map(async (entry) => ({
        ...entry,
        name: path.basename(entry.path),
        exists: await access(path.join(entry.path, 'config.json')).then(
          () => true,
          () => false,
        ),
      })),
    );
  }

  add(folder: string, now = new Date()): Promise<void> {
    const others = this.#file.value.filter((entry) => entry.path !== folder);
    const entries = [{ path: folder, openedAt: now.toISOString() }, ...others];
    return this.#file.set(entries.slice(0, MOST_RECENTS));
  }

  remove(folder: string): Promise<void> {
    return this.#file.set(this.#file.value.filter((entry) => entry.path !== folder));
  }
}
