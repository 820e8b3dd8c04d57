import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { Results } from '../protocol/messages.ts';

const ENDING = /\.jsonl(\.gz)?$/;

/** Routing traces that come with the studio, by name; none where the folder was left out. What is in one is read when it is opened. */
export function listTraces(modelsDir: string): Results['runs']['traces'] {
  const folder = path.join(modelsDir, 'traces');
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .filter((name) => ENDING.test(name))
    .sort()
    .map((name) => ({ name: name.replace(ENDING, ''), path: path.join(folder, name) }));
}
