import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { TensorEntry } from './safetensors.ts';

/** First 16 hex digits of SHA-256 over config.json and every tensor's name, dtype and shape: tells models apart without reading weights. */
export function fingerprint(folder: string, tensors: ReadonlyMap<string, TensorEntry>): string {
  const hash = createHash('sha256').update(readFileSync(path.join(folder, 'config.json')));
  for (const name of [...tensors.keys()].sort()) {
    const { dtype, shape, byteLength } = tensors.get(name) as TensorEntry;
    hash.update(`${name}\0${dtype}\0${shape.join(',')}\0${byteLength}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}
