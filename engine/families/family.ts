import { EngineRefusal } from '../api.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type ConfigReader, readConfig } from '../checkpoint/config.ts';
import { readOlmoe } from './olmoe.ts';
import type { ModelSpec } from './spec.ts';

type FamilyReader = (config: ConfigReader, checkpoint: Checkpoint) => ModelSpec;

/** Architectures by config.json's model_type; `architectures` is less stable and not looked at. */
const FAMILIES: Readonly<Record<string, FamilyReader>> = { olmoe: readOlmoe };

/** @throws EngineRefusal for an architecture that is not here, a missing or wrongly shaped tensor */
export function readModelSpec(folder: string, checkpoint: Checkpoint): ModelSpec {
  const config = readConfig(folder);
  const modelType = config.string('model_type');
  const read = Object.hasOwn(FAMILIES, modelType) ? FAMILIES[modelType] : undefined;
  if (read === undefined) {
    throw new EngineRefusal(
      `config.json: model_type "${modelType}" is not an architecture this studio runs yet; it runs ${Object.keys(FAMILIES).join(', ')}.`,
    );
  }
  return read(config, checkpoint);
}
