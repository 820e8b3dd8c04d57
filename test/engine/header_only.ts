import { closeSync, ftruncateSync, mkdtempSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Dtype, ITEM_BYTES } from '../../engine/checkpoint/dtype.ts';

/** Shapes by tensor name. */
export type Shapes = Readonly<Record<string, readonly number[]>>;

/**
 * Writes a model folder of a release's size that takes no room: the header is real, the data a hole in the file.
 * @returns the folder
 */
export function writeHeaderOnly(
  config: object,
  shapes: Shapes,
  dtypeOf: (name: string) => Dtype = () => 'BF16',
): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'moe-header-'));
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const begin = end;
    const dtype = dtypeOf(name);
    end += shape.reduce((product, dim) => product * dim, ITEM_BYTES[dtype]);
    header[name] = { dtype, shape, data_offsets: [begin, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(path.join(folder, 'model.safetensors'), 'w');
  writeSync(file, Buffer.concat([length, text]));
  ftruncateSync(file, 8 + text.length + end);
  closeSync(file);
  return folder;
}
