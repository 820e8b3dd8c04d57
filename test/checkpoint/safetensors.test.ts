import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSafetensorsHeader } from '../../engine/checkpoint/safetensors.ts';
import { refusal, safetensorsBytes, scratchFolder } from './write_files.ts';

const folder = scratchFolder();
const file = path.join(folder, 'w.safetensors');

function read(bytes: Uint8Array) {
  fs.writeFileSync(file, bytes);
  return readSafetensorsHeader(file);
}
const refused = (bytes: Uint8Array) => refusal(() => read(bytes));
const f32 = (shape: unknown[], begin: unknown, end: unknown) => ({ dtype: 'F32', shape, data_offsets: [begin, end] });

describe('readSafetensorsHeader', () => {
  it('reads the demo model', () => {
    const tensors = readSafetensorsHeader('models/demo-lm/model.safetensors');
    expect(tensors.get('model.layers.0.mlp.experts.0.gate_proj.weight')).toEqual({
      file: 'model.safetensors',
      dtype: 'BF16',
      shape: [64, 192],
      offsetBytes: 8 + 187_352 + 1_401_216,
      byteLength: 64 * 192 * 2,
    });
    expect(tensors.has('__metadata__')).toBe(false);
  });

  it('takes scalars, empty tensors, spaces after the header, any order, and names like __proto__', () => {
    const header =
      '{"b":{"dtype":"I64","shape":[],"data_offsets":[4,12]},"empty":{"dtype":"F32","shape":[3,0],"data_offsets":[4,4]},"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}   ';
    const tensors = read(safetensorsBytes(header, 12));
    expect([...tensors.keys()].sort()).toEqual(['__proto__', 'b', 'empty']);
    expect(tensors.get('b')).toMatchObject({ shape: [], byteLength: 8, offsetBytes: 8 + header.length + 4 });
    expect(read(safetensorsBytes({ __metadata__: { format: 'pt' } })).size).toBe(0);
  });

  it('takes offsets beyond 2^32', () => {
    // A file with a hole in it: large, and hardly a block on disk.
    const size = 5 * 2 ** 30;
    const header = { a: { dtype: 'U8', shape: [size], data_offsets: [0, size] }, b: f32([2], size, size + 8) };
    const bytes = safetensorsBytes(header);
    fs.writeFileSync(file, bytes);
    fs.truncateSync(file, bytes.length + size + 8);
    expect(readSafetensorsHeader(file).get('b')).toMatchObject({ offsetBytes: bytes.length + size, byteLength: 8 });
    fs.truncateSync(file, 0);
  });

  it.each([
    ['hole at the start', { a: f32([1], 4, 8) }, 8, /"a" leaves 4 bytes before it unused/],
    ['hole between', { a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12, /"b" leaves 4 bytes/],
    ['overlap', { a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8, /"b" overlaps/],
    ['same place twice', { a: f32([1], 0, 4), b: f32([1], 0, 4) }, 4, /overlaps/],
    ['trailing bytes', { a: f32([1], 0, 4) }, 5, /1 bytes follow the last tensor/],
    ['data cut short', { a: f32([4], 0, 16) }, 8, /need .* bytes and the file has/],
    ['size against shape', { a: f32([3], 0, 8) }, 8, /"a" is F32 \[3\] and should have 12 bytes, not 8/],
    ['end before begin', { a: f32([1], 8, 4) }, 8, /"a" ends at 4/],
    ['negative size', { a: f32([-1], 0, 4) }, 4, /"a" has a shape/],
    ['fraction', { a: f32([0.5], 0, 4) }, 4, /"a" has a shape/],
    ['product beyond 2^53', { a: f32([2 ** 40, 2 ** 40], 0, 4) }, 4, /should have Infinity bytes/],
    ['product that wraps in 32 bits', { a: f32([65_536, 65_536], 0, 0) }, 0, /should have 17179869184 bytes/],
    ['negative offset', { a: f32([1], -4, 0) }, 4, /"a" has no two data_offsets/],
    ['one offset', { a: { dtype: 'F32', shape: [1], data_offsets: [0] } }, 4, /"a" has no two data_offsets/],
    ['text for an offset', { a: f32([1], '0', 4) }, 4, /"a" has no two data_offsets/],
    ['no dtype', { a: { shape: [1], data_offsets: [0, 4] } }, 4, /"a" has no dtype/],
    ['unknown dtype', { a: { dtype: 'F4', shape: [1], data_offsets: [0, 4] } }, 4, /"a" has dtype "F4"/],
    ['dtype from the prototype', { a: { dtype: 'toString', shape: [1], data_offsets: [0, 4] } }, 4, /dtype "toString"/],
    ['list for a tensor', { a: [1, 2] }, 4, /"a" is described by no object/],
  ])('refuses: %s', (_, header, dataBytes, message) => {
    expect(refused(safetensorsBytes(header, dataBytes))).toMatch(message);
  });

  it.each([
    ['empty file', Buffer.alloc(0), /0 bytes are too few/],
    ['no brace', safetensorsBytes(' {}'), /begin with '\{'/],
    ['header of no bytes', safetensorsBytes(''), /begin with '\{'/],
    ['broken JSON', safetensorsBytes('{"a":'), /not valid JSON/],
    ['broken UTF-8', safetensorsBytes('{"a":1}').fill(0xff, 10, 11), /not valid JSON/],
    [
      'tensor twice',
      safetensorsBytes(
        '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        1,
      ),
      /names a tensor twice/,
    ],
    [
      'field twice',
      safetensorsBytes('{"a":{"dtype":"U8","shape":[1],"shape":[0],"data_offsets":[0,0]}}'),
      /field of a tensor twice/,
    ],
    ['deep nesting', safetensorsBytes(`{"a":${'['.repeat(100_000)}`), /nests deeper/],
    ['header over the limit', safetensorsBytes('{}', 0, 100_000_001n), /100000001 bytes where 100000000 are the most/],
    ['header of 2^64 - 1', safetensorsBytes('{}', 0, 2n ** 64n - 1n), /18446744073709551615 bytes/],
    ['header longer than the file', safetensorsBytes('{}', 190, 90_000_000n), /90000000 bytes and the file has 200/],
  ])('refuses: %s', (_, bytes, message) => {
    const before = process.memoryUsage().arrayBuffers;
    expect(refused(bytes)).toMatch(message);
    // A claimed size is not allocated for.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 24);
  });

  it('refuses a missing file, a folder, and a pipe without waiting for it', () => {
    expect(refusal(() => readSafetensorsHeader(path.join(folder, 'none.safetensors')))).toMatch(
      /none\.safetensors: there is no such file/,
    );
    expect(refusal(() => readSafetensorsHeader(folder))).toMatch(/not a file/);
    const pipe = path.join(folder, 'pipe.safetensors');
    execFileSync('mkfifo', [pipe]);
    expect(refusal(() => readSafetensorsHeader(pipe))).toMatch(/pipe\.safetensors: this is not a file/);
  });

  it('says in every refusal what to do', () => {
    for (const bytes of [Buffer.alloc(3), safetensorsBytes({ a: f32([1], 4, 8) }, 8), safetensorsBytes('{"a"')]) {
      expect(refused(bytes)).toMatch(/^w\.safetensors: .*fetch it again\.$/);
    }
  });
});
