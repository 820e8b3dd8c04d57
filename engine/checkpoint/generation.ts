import { existsSync } from 'node:fs';
import path from 'node:path';
import { ConfigReader, MOST_CONFIG_BYTES, readConfig } from './config.ts';
import { readJsonObject } from './files.ts';

const GENERATION_NAME = 'generation_config.json';

/** How a model's makers want text to be generated. */
export interface GenerationDefaults {
  /** Tokens that end a sequence. */
  readonly endTokens: ReadonlySet<number>;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
}

/** generation_config.json where it is there and has the key, otherwise config.json. */
export function readGenerationDefaults(folder: string): GenerationDefaults {
  const config = readConfig(folder);
  const file = path.join(folder, GENERATION_NAME);
  const generation = existsSync(file)
    ? new ConfigReader(GENERATION_NAME, readJsonObject(file, MOST_CONFIG_BYTES))
    : undefined;
  const temperature = generation?.optionalNumber('temperature', { min: 0 });
  const topP = generation?.optionalNumber('top_p', { min: 0, max: 1 });
  const topK = generation?.optionalInt('top_k', { min: 0 });
  return {
    endTokens: new Set(generation?.tokenIds('eos_token_id') ?? config.tokenIds('eos_token_id') ?? []),
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...(topK !== undefined && { topK }),
  };
}

export function readEndTokens(folder: string): ReadonlySet<number> {
  return readGenerationDefaults(folder).endTokens;
}
