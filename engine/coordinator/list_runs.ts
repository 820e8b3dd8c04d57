import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Results } from '../protocol/messages.ts';
import { readRunOutline } from '../report/run_reader.ts';

/** Runs listed: the newest. */
const MOST_RUNS = 200;

/** Newest first; a file that cannot be read is left out here and refused with its reason when opened. */
export function listRuns(runsDir: string): Results['runs']['runs'] {
  if (!existsSync(runsDir)) return [];
  const files = readdirSync(runsDir)
    .filter((name) => name.endsWith('.json'))
    .map((name) => path.join(runsDir, name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)
    .slice(0, MOST_RUNS);
  return files.flatMap((file) => {
    try {
      const { header, steps, complete } = readRunOutline(file);
      return [{ id: header.id, path: file, model: header.model.name, startedAt: header.createdAt, steps, complete }];
    } catch {
      return [];
    }
  });
}
