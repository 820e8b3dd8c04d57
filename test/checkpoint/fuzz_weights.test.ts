import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { readSafetensorsHeader } from '../../engine/checkpoint/safetensors.ts';
import { anyJson, hostileName, hostileNumber } from './hostile_values.ts';
import { accepts, fuzzRuns, safetensorsBytes, scratchFolder } from './write_files.ts';

/**
 * Files from the internet: whatever they hold, opening them works or refuses. Another error, a hang (the test's time limit)
 * or memory in proportion to what a file claims instead of what it has fails.
 */

const folder = scratchFolder();
const file = path.join(folder, 'model.safetensors');
const memoryBefore = process.memoryUsage().rss;
afterAll(() => {
  expect(process.memoryUsage().rss - memoryBefore).toBeLessThan(2 ** 30);
});

const dtype = fc.constantFrom('F32', 'BF16', 'U8', 'I64', 'F4', 'toString', '', 3, null);
const tensor = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record(
      {
        dtype,
        shape: fc.array(hostileNumber, { maxLength: 4 }),
        data_offsets: fc.array(hostileNumber, { minLength: 1, maxLength: 3 }),
      },
      { requiredKeys: ['dtype'] },
    ),
  },
  { weight: 1, arbitrary: anyJson },
);
const header = fc.array(fc.tuple(hostileName, tensor), { maxLength: 5 });

/** Well-formed files, so that the checks after the first ones are reached too. */
const honest = fc.array(
  fc.tuple(
    hostileName,
    fc.constantFrom<['F32' | 'BF16' | 'U8', number]>(['F32', 4], ['BF16', 2], ['U8', 1]),
    fc.array(fc.nat(3), { maxLength: 3 }),
  ),
  { maxLength: 4 },
);

function honestFile(tensors: [string, [string, number], number[]][]): Buffer {
  let offset = 0;
  const entries = new Map<string, object>();
  for (const [name, [type, itemBytes], shape] of tensors) {
    if (entries.has(name) || name === '__metadata__') continue;
    const begin = offset;
    offset += shape.reduce((product, dim) => product * dim, itemBytes);
    entries.set(name, { dtype: type, shape, data_offsets: [begin, offset] });
  }
  return safetensorsBytes(Object.fromEntries(entries), offset);
}

function open(bytes: Uint8Array): boolean {
  fs.writeFileSync(file, bytes);
  return accepts(() => readSafetensorsHeader(file));
}

describe('weights from the internet', () => {
  it('safetensors: any bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
        (bytes, length) => {
          open(length === null ? bytes : safetensorsBytes(Buffer.from(bytes).toString('latin1'), 0, length));
        },
      ),
      { numRuns: fuzzRuns(0.12) },
    );
  });

  it('safetensors: any header, any data', () => {
    fc.assert(
      fc.property(header, fc.nat(64), fc.boolean(), (entries, dataBytes, repeat) => {
        const fields = (repeat ? [...entries, ...entries] : entries).map(
          ([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`,
        );
        open(safetensorsBytes(`{${fields.join(',')}}`, dataBytes));
      }),
      { numRuns: fuzzRuns(0.2) },
    );
  });

  it('safetensors: good files open, and with one byte changed open or are refused', () => {
    fc.assert(
      fc.property(honest, fc.nat(), fc.nat(255), (tensors, at, byte) => {
        const bytes = honestFile(tensors);
        expect(open(bytes)).toBe(true);
        bytes[at % bytes.length] = byte;
        open(bytes);
        expect(open(bytes.subarray(0, bytes.length - 1))).toBe(false);
      }),
      { numRuns: fuzzRuns(0.12) },
    );
  });

  it('shard index: any names for any tensors', () => {
    const shardName = fc.oneof(
      fc.constantFrom('x.safetensors', '../x.safetensors', '/etc/passwd', 'none.safetensors', '..', 'x.safetensors/'),
      fc.string({ unit: 'binary' }),
      anyJson,
    );
    const sharded = path.join(folder, 'sharded');
    fs.mkdirSync(sharded);
    fs.writeFileSync(path.join(sharded, 'x.safetensors'), honestFile([['a', ['F32', 4], [2]]]));
    fs.writeFileSync(path.join(folder, 'x.safetensors'), honestFile([['a', ['F32', 4], [2]]]));
    const index = fc.oneof(
      fc
        .array(fc.tuple(hostileName, shardName), { maxLength: 4 })
        .map((pairs) => ({ weight_map: Object.fromEntries(pairs) })),
      anyJson,
    );
    fc.assert(
      fc.property(index, (value) => {
        fs.writeFileSync(path.join(sharded, 'model.safetensors.index.json'), JSON.stringify(value));
        const opened = accepts(() => openCheckpoint(sharded));
        expect(opened).toBe(JSON.stringify(value) === '{"weight_map":{"a":"x.safetensors"}}');
      }),
      { numRuns: fuzzRuns(0.1) },
    );
  });
});
