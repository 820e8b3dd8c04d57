import { z } from 'zod';
import { EngineRefusal } from '../api.ts';
import { readJsonObject } from './files.ts';

export const INDEX_NAME = 'model.safetensors.index.json';
const MOST_INDEX_BYTES = 64 * 2 ** 20;
const MOST_SHARDS = 10_000;

/** A name inside the checkpoint's own folder, on every system: no separators, no drive, no `..`, nothing hidden in it. */
const ShardName = z
  .string()
  .max(255)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
  .regex(/^[^/\\:\u0000-\u001f]+\.safetensors$/);

/**
 * Reads which file of a sharded checkpoint holds which tensor.
 * @returns file names by tensor name
 * @throws EngineRefusal for names that would leave the folder, and for anything that is not an index
 */
export function readShardIndex(file: string): Map<string, string> {
  const { weight_map: weightMap } = readJsonObject(file, MOST_INDEX_BYTES);
  if (typeof weightMap !== 'object' || weightMap === null || Array.isArray(weightMap)) {
    throw new EngineRefusal(`${INDEX_NAME}: there is no weight_map in it; fetch it again.`);
  }
  const shards = new Map<string, string>();
  const seen = new Set<string>();
  for (const [tensor, shard] of Object.entries(weightMap)) {
    // Shards are few and tensors many: each name is checked once.
    if (!seen.has(shard)) {
      if (!ShardName.safeParse(shard).success || seen.size >= MOST_SHARDS) {
        throw new EngineRefusal(
          `${INDEX_NAME}: weight_map sends "${tensor}" to ${JSON.stringify(shard)}, which is no name of a .safetensors file beside the index; do not trust this checkpoint.`,
        );
      }
      seen.add(shard);
    }
    shards.set(tensor, shard);
  }
  if (shards.size === 0) throw new EngineRefusal(`${INDEX_NAME}: weight_map names no tensor; fetch it again.`);
  return shards;
}
