import { EngineRefusal } from '../api.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type ConfigReader, readConfig } from '../checkpoint/config.ts';
import { readDeepseekV2, readDeepseekV3 } from './deepseek.ts';
import { readFairseqMoeLm } from './fairseq_moe_lm.ts';
import { readGptOss } from './gpt_oss.ts';
import { readGraniteMoe } from './granitemoe.ts';
import { readMixtral } from './mixtral.ts';
import { readNllbMoe } from './nllb_moe.ts';
import { readOlmoe } from './olmoe.ts';
import { readPhimoe } from './phimoe.ts';
import { readQwen2Moe } from './qwen2_moe.ts';
import { readQwen3Moe } from './qwen3_moe.ts';
import { type ModelSpec, moeLayers } from './spec.ts';
import { readSwitchTransformers } from './switch_transformers.ts';

type FamilyReader = (config: ConfigReader, checkpoint: Checkpoint) => ModelSpec;

/** Architectures by config.json's model_type; `architectures` is less stable and not looked at. */
const FAMILIES: Readonly<Record<string, FamilyReader>> = {
  olmoe: readOlmoe,
  mixtral: readMixtral,
  qwen2_moe: readQwen2Moe,
  qwen3_moe: readQwen3Moe,
  granitemoe: readGraniteMoe,
  phimoe: readPhimoe,
  deepseek_v2: readDeepseekV2,
  deepseek_v3: readDeepseekV3,
  gpt_oss: readGptOss,
  'nllb-moe': readNllbMoe,
  switch_transformers: readSwitchTransformers,
  fairseq_moe_lm: readFairseqMoeLm,
};

/** @throws EngineRefusal for an architecture that is not here, a missing or wrongly shaped tensor, a model without experts */
export function readModelSpec(folder: string, checkpoint: Checkpoint): ModelSpec {
  const spec = readAnySpec(folder, checkpoint);
  if (moeLayers(spec).length === 0) {
    throw new EngineRefusal(`config.json: no layer has experts; choose a mixture-of-experts model.`);
  }
  return spec;
}

/** Dense models too: the reproduction compares with them, nothing else here has a use for one. */
export function readAnySpec(folder: string, checkpoint: Checkpoint): ModelSpec {
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
