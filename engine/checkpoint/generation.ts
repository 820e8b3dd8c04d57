import { existsSync } from 'node:fs';
import path from 'node:path';
import { ConfigReader, readConfig } from './config.ts';
import { readJsonObject } from './json_file.ts';

const NAME = 'generation_config.json';

/** Tokens that end a sequence: generation_config.json's where it names any, else config.json's. */
export function readEndTokens(folder: string): ReadonlySet<number> {
  if (existsSync(path.join(folder, NAME))) {
    const ids = new ConfigReader(readJsonObject(folder, NAME, 1 << 20), NAME).ids('eos_token_id');
    if (ids.length > 0) return new Set(ids);
  }
  return new Set(readConfig(folder).ids('eos_token_id'));
}
