import { createHash } from 'node:crypto';
import path from 'node:path';
import { CONFIG_NAME, MOST_CONFIG_BYTES } from './config.ts';
import { readSmallFile } from './files.ts';
import type { CheckpointTensor } from './scaled_tensors.ts';

/**
 * Names a model without reading its weights: first 16 hex digits of SHA-256 over config.json's bytes and the sorted list of
 * tensors (name, dtype, shape, bytes). How the tensors are cut into files does not matter; other weights of the same shapes
 * are not told apart.
 */
export function fingerprint(folder: string, tensors: ReadonlyMap<string, CheckpointTensor>): string {
  const hash = createHash('sha256').update(readSmallFile(path.join(folder, CONFIG_NAME), MOST_CONFIG_BYTES));
  // Sorted by code unit, as everywhere: a locale's order is not the same on two machines.
  for (const name of [...tensors.keys()].sort()) {
    const { dtype, shape, byteLength } = tensors.get(name) as CheckpointTensor;
    hash.update(`${JSON.stringify([name, dtype, shape, byteLength])}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}
