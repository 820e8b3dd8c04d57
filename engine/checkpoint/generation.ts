import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ModelSampling } from '../protocol/model.ts';
import { RepetitionPenalty, Temperature, TopK, TopP } from '../protocol/settings.ts';
import { ConfigReader, MOST_CONFIG_BYTES, readConfig } from './config.ts';
import { readJsonObject } from './files.ts';

const GENERATION_NAME = 'generation_config.json';
/** What transformers takes where sampling is asked for and a key is absent. */
const SAMPLED = { temperature: 1, topK: 50, topP: 1 } as const;

/** How a model's makers want text to be generated. */
export interface GenerationDefaults {
  /** Tokens that end a sequence. */
  readonly endTokens: ReadonlySet<number>;
  /** Absent where their file says nothing of it. */
  readonly sampling?: ModelSampling;
}

/**
 * generation_config.json where it is there and has the key, otherwise config.json. Temperature, top-k and top-p count only beside
 * `do_sample: true`, as in transformers; `do_sample: false` is greedy, and without the key the file leaves it open.
 * @throws EngineRefusal naming file and key
 */
export function readGenerationDefaults(folder: string): GenerationDefaults {
  const config = readConfig(folder);
  const file = path.join(folder, GENERATION_NAME);
  const generation = existsSync(file)
    ? new ConfigReader(GENERATION_NAME, readJsonObject(file, MOST_CONFIG_BYTES))
    : undefined;
  const sampling = generation && readSampling(generation);
  return {
    endTokens: new Set(generation?.tokenIds('eos_token_id') ?? config.tokenIds('eos_token_id') ?? []),
    ...(sampling !== undefined && Object.keys(sampling).length > 0 && { sampling }),
  };
}

function readSampling(generation: ConfigReader): ModelSampling {
  const penalty = generation.optionalNumber('repetition_penalty', {
    min: Number.MIN_VALUE,
    max: RepetitionPenalty.maxValue ?? Number.POSITIVE_INFINITY,
  });
  const repeated = penalty === undefined || penalty === 1 ? {} : { repetitionPenalty: penalty };
  if (!generation.has('do_sample')) return repeated;
  if (!generation.boolean('do_sample')) return { temperature: 0, ...repeated };
  return {
    temperature: generation.number('temperature', {
      min: 0,
      max: Temperature.maxValue ?? 0,
      default: SAMPLED.temperature,
    }),
    topK: generation.int('top_k', { min: 0, max: TopK.maxValue ?? 0, default: SAMPLED.topK }),
    topP: generation.number('top_p', { min: Number.MIN_VALUE, max: TopP.maxValue ?? 1, default: SAMPLED.topP }),
    ...repeated,
  };
}
