import { readFileSync } from 'node:fs';
import { ITEM_BYTES } from '../../engine/checkpoint/dtype.ts';
import { readSafetensorsHeader } from '../../engine/checkpoint/safetensors.ts';

/** A tensor of a reference file, as numbers. */
export function readTensor(file: string, name: string): { shape: readonly number[]; values: number[] } {
  const entry = readSafetensorsHeader(file).get(name);
  if (entry === undefined) throw new Error(`${file} has no ${name}`);
  const bytes = readFileSync(file).subarray(entry.offsetBytes, entry.offsetBytes + entry.byteLength);
  const count = entry.byteLength / ITEM_BYTES[entry.dtype];
  const at = (i: number) => (entry.dtype === 'I64' ? Number(bytes.readBigInt64LE(i * 8)) : bytes.readFloatLE(i * 4));
  return { shape: entry.shape, values: Array.from({ length: count }, (_, i) => at(i)) };
}
