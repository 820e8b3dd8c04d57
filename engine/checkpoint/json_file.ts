import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { EngineRefusal } from '../api.ts';

/** A JSON object from a model folder, refused beyond `mostBytes` before it is read. */
export function readJsonObject(folder: string, name: string, mostBytes: number): Record<string, unknown> {
  const filePath = path.join(folder, name);
  const stat = statSync(filePath, { throwIfNoEntry: false });
  if (stat === undefined) throw new EngineRefusal(`${path.basename(folder)}: the folder has no ${name}; choose a model folder with all its files.`);
  if (stat.size > mostBytes) throw new EngineRefusal(`${name}: ${stat.size} bytes is over the limit of ${mostBytes}; this is not a model's ${name}.`);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(filePath, 'utf8'));
  } catch {
    throw new EngineRefusal(`${name}: not valid JSON; fetch it again.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new EngineRefusal(`${name}: not a JSON object; fetch it again.`);
  return value as Record<string, unknown>;
}
