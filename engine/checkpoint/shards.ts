import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { EngineRefusal } from '../api.ts';
import { readSafetensorsHeader, type TensorEntry } from './safetensors.ts';

const INDEX = 'model.safetensors.index.json';
const SINGLE = 'model.safetensors';
const MOST_INDEX_BYTES = 100_000_000;
const Index = z.object({ weight_map: z.record(z.string(), z.string()) });

/** Tensors of a model folder: of its shards where there is an index, else of the one file. Only headers are read. */
export function readTensors(folder: string): Map<string, TensorEntry> {
  const indexPath = path.join(folder, INDEX);
  if (!existsSync(indexPath)) {
    const single = path.join(folder, SINGLE);
    if (!existsSync(single)) {
      throw new EngineRefusal(`${path.basename(folder)}: the folder has neither ${SINGLE} nor ${INDEX}; choose a folder with a safetensors checkpoint.`);
    }
    return readSafetensorsHeader(single);
  }
  const weightMap = readIndex(indexPath);
  const tensors = new Map<string, TensorEntry>();
  for (const file of new Set(weightMap.values())) {
    for (const [name, entry] of readSafetensorsHeader(path.join(folder, file))) {
      if (weightMap.get(name) !== file) {
        throw new EngineRefusal(`${file}: tensor "${name}" is not listed for this file in ${INDEX}; fetch index and shards again.`);
      }
      tensors.set(name, entry);
    }
  }
  for (const [name, file] of weightMap) {
    if (!tensors.has(name)) throw new EngineRefusal(`${file}: tensor "${name}", listed in ${INDEX}, is not in the file; fetch it again.`);
  }
  return tensors;
}

function readIndex(indexPath: string): Map<string, string> {
  if (statSync(indexPath).size > MOST_INDEX_BYTES) throw new EngineRefusal(`${INDEX}: larger than ${MOST_INDEX_BYTES} bytes; fetch it again.`);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(indexPath, 'utf8'));
  } catch {
    throw new EngineRefusal(`${INDEX}: not valid JSON; fetch it again.`);
  }
  const parsed = Index.safeParse(value);
  if (!parsed.success) throw new EngineRefusal(`${INDEX}: has no weight_map from tensor to file; fetch it again.`);
  const map = new Map(Object.entries(parsed.data.weight_map));
  for (const [name, file] of map) {
    // A shard stands beside its index: anything that could leave the folder is an attack or a damaged file.
    if (file !== path.basename(file) || file.includes('\\') || file === '..' || file === '.' || !file.endsWith('.safetensors')) {
      throw new EngineRefusal(`${INDEX}: tensor "${name}" points to ${JSON.stringify(file)}, which is not a plain .safetensors file name; do not use this checkpoint.`);
    }
  }
  return map;
}
