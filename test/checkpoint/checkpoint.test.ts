import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCheckpoint, openTensorFile } from '../../engine/checkpoint/checkpoint.ts';
import { fingerprint } from '../../engine/checkpoint/fingerprint.ts';
import { writeSafetensors } from '../../engine/checkpoint/safetensors_write.ts';
import { refusal, safetensorsBytes, scratchFolder } from './write_files.ts';

const folder = scratchFolder();
let folders = 0;
function newFolder(files: Record<string, Uint8Array | string | object>): string {
  const made = path.join(folder, String(folders++));
  fs.mkdirSync(made);
  for (const [name, content] of Object.entries(files)) {
    const bytes = typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content);
    fs.writeFileSync(path.join(made, name), bytes);
  }
  return made;
}

/** One F32 tensor of two elements. */
const shard = (name: string, values: [number, number] = [1, 2]) =>
  safetensorsBytes(
    { [name]: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } },
    new Uint8Array(Float32Array.from(values).buffer),
  );
const INDEX = 'model.safetensors.index.json';

describe('openCheckpoint', () => {
  it('reads a whole tensor, rows of it, and fused row ranges', () => {
    const made = newFolder({});
    const data = Float32Array.from({ length: 24 }, (_, i) => i);
    const file = path.join(made, 'model.safetensors');
    writeSafetensors(file, {
      fused: { dtype: 'F32', shape: [2, 3, 4], data },
      bias: { dtype: 'F32', shape: [3], data: Float32Array.of(7, 8, 9) },
    });
    const checkpoint = openCheckpoint(made);
    expect(checkpoint.storedBytes).toBe(27 * 4);
    expect(checkpoint.readFloat32('fused')).toEqual(data);
    expect(checkpoint.readFloat32('fused', undefined, 4, 1)).toEqual(data.slice(16, 20));
    expect(checkpoint.readFloat32('fused', undefined, 5)).toEqual(data.slice(20));
    expect(checkpoint.readFloat32('bias', undefined, 1, 2)).toEqual(Float32Array.of(8, 9));
    const out = new Float32Array(10).fill(-1);
    checkpoint.readFloat32('fused', out.subarray(1, 9), 1, 2);
    expect(out).toEqual(Float32Array.of(-1, 4, 5, 6, 7, 8, 9, 10, 11, -1));
    expect(() => checkpoint.readFloat32('fused', undefined, 5, 2)).toThrow(RangeError);
    expect(() => checkpoint.readFloat32('fused', new Float32Array(3), 0, 1)).toThrow(RangeError);
    expect(refusal(() => checkpoint.readFloat32('none'))).toMatch(/no tensor "none"/);
    expect(checkpoint.resolveAlias(['lm_head', 'bias', 'fused'])).toBe('bias');
    expect(checkpoint.resolveAlias(['lm_head'])).toBeUndefined();
    checkpoint.close();
    // Closing is no end: ranks share a description, not a file.
    expect(checkpoint.readFloat32('bias')).toEqual(Float32Array.of(7, 8, 9));
    checkpoint.close();
  });

  it('converts in pieces what is larger than a piece, from unaligned places', () => {
    const elements = 300_001;
    const values = Uint16Array.from({ length: elements }, (_, i) => (i * 7919) & 0x7f7f);
    const data = new Uint8Array(1 + values.byteLength);
    data.set(new Uint8Array(values.buffer), 1);
    const header = {
      odd: { dtype: 'U8', shape: [1], data_offsets: [0, 1] },
      big: { dtype: 'BF16', shape: [elements], data_offsets: [1, 1 + 2 * elements] },
    };
    const checkpoint = openCheckpoint(newFolder({ 'model.safetensors': safetensorsBytes(header, data) }));
    const read = new Uint32Array(checkpoint.readFloat32('big').buffer);
    checkpoint.close();
    expect(read.every((word, i) => word === (values[i] as number) << 16)).toBe(true);
  });

  it('reads reference files: ids, and floats', () => {
    const reference = openTensorFile('models/demo-lm/reference.safetensors');
    const ids = reference.readInt32('english.input_ids');
    expect(ids).toHaveLength(64);
    expect(Math.max(...ids)).toBeLessThan(3584);
    expect(reference.readFloat32('english.logits').every(Number.isFinite)).toBe(true);
    expect(refusal(() => reference.readInt32('english.logits'))).toMatch(
      /"english.logits" cannot be read as 32-bit integers/,
    );
    reference.close();
  });

  it('opens shards by their index', () => {
    const made = newFolder({
      [INDEX]: { metadata: { total_size: 16 }, weight_map: { a: 'one.safetensors', b: 'two.safetensors' } },
      'one.safetensors': shard('a'),
      'two.safetensors': shard('b', [3, 4]),
    });
    const checkpoint = openCheckpoint(made);
    expect([...checkpoint.tensors.keys()]).toEqual(['a', 'b']);
    expect(checkpoint.readFloat32('b')).toEqual(Float32Array.of(3, 4));
    expect(checkpoint.readFloat32('a')).toEqual(Float32Array.of(1, 2));
    checkpoint.close();
  });

  it.each([
    ['../evil.safetensors'],
    ['/tmp/evil.safetensors'],
    ['sub/evil.safetensors'],
    ['sub\\evil.safetensors'],
    ['C:evil.safetensors'],
    ['..'],
    [''],
    ['evil.safetensors\0'],
    ['evil.bin'],
    [3],
    [null],
  ])('refuses the shard name %j', (name) => {
    const made = newFolder({ [INDEX]: { weight_map: { a: name } }, 'evil.safetensors': shard('a') });
    fs.writeFileSync(path.join(folder, 'evil.safetensors'), shard('a'));
    expect(refusal(() => openCheckpoint(made))).toMatch(/index\.json: weight_map sends "a" to .* do not trust/);
  });

  it.each<[string, Record<string, Uint8Array | string | object>, RegExp]>([
    ['nothing there', {}, /neither model\.safetensors nor/],
    ['only another format', { 'pytorch_model.bin': 'x' }, /safetensors format/],
    ['missing shard', { [INDEX]: { weight_map: { a: 'one.safetensors' } } }, /one\.safetensors: there is no such file/],
    [
      'tensor listed, not there',
      { [INDEX]: { weight_map: { a: 'one.safetensors', b: 'one.safetensors' } }, 'one.safetensors': shard('a') },
      /one\.safetensors: tensor "b" is not in it/,
    ],
    [
      'tensor there, not listed',
      {
        [INDEX]: { weight_map: { a: 'one.safetensors', b: 'two.safetensors' } },
        'one.safetensors': shard('a'),
        'two.safetensors': shard('c'),
      },
      /two\.safetensors: tensor "c" is in it and not so/,
    ],
    [
      'tensor listed elsewhere',
      {
        [INDEX]: { weight_map: { a: 'two.safetensors', b: 'one.safetensors' } },
        'one.safetensors': shard('a'),
        'two.safetensors': shard('b'),
      },
      /not so in/,
    ],
    ['no weight_map', { [INDEX]: { metadata: {} } }, /no weight_map/],
    ['list for a weight_map', { [INDEX]: { weight_map: [] } }, /no weight_map/],
    ['empty weight_map', { [INDEX]: { weight_map: {} } }, /names no tensor/],
    ['no JSON', { [INDEX]: '{' }, /not valid JSON/],
    ['list', { [INDEX]: '[]' }, /no JSON object/],
  ])('refuses: %s', (_, files, message) => {
    expect(refusal(() => openCheckpoint(newFolder(files)))).toMatch(message);
  });

  it('refuses a file that became shorter, and types it cannot convert', () => {
    const fp8 = { w: { dtype: 'F8_E4M3', shape: [8], data_offsets: [0, 8] } };
    const made = newFolder({ 'model.safetensors': safetensorsBytes(fp8, 8) });
    const checkpoint = openCheckpoint(made);
    expect(refusal(() => checkpoint.readFloat32('w'))).toMatch(/"w" is F8_E4M3/);
    fs.truncateSync(path.join(made, 'model.safetensors'), 40);
    expect(refusal(() => checkpoint.readRaw('w'))).toMatch(/model\.safetensors: the file ends before/);
    checkpoint.close();
  });

  it('opens 60 GB by its headers', () => {
    const made = newFolder({});
    const size = 60 * 2 ** 30;
    const header = safetensorsBytes({ a: { dtype: 'BF16', shape: [size / 2], data_offsets: [0, size] } });
    const file = path.join(made, 'model.safetensors');
    fs.writeFileSync(file, header);
    fs.truncateSync(file, header.length + size);
    const checkpoint = openCheckpoint(made);
    expect(checkpoint.storedBytes).toBe(size);
    expect(checkpoint.readFloat32('a', undefined, size / 2 - 3)).toEqual(new Float32Array(3));
    checkpoint.close();
    fs.rmSync(file);
  });

  it('opens 100,000 tensors', () => {
    const header: Record<string, object> = {};
    for (let i = 0; i < 100_000; i++) {
      header[`model.layers.${i}.mlp.experts.0.gate_proj.weight`] = {
        dtype: 'U8',
        shape: [1, 1],
        data_offsets: [i, i + 1],
      };
    }
    const checkpoint = openCheckpoint(newFolder({ 'model.safetensors': safetensorsBytes(header, 100_000) }));
    expect(checkpoint.tensors.size).toBe(100_000);
  });
});

describe('writeSafetensors', () => {
  it('writes what is read back, whole or not at all', () => {
    fc.assert(
      fc.property(fc.float32Array({ minLength: 1 }), fc.bigInt64Array(), fc.string(), (floats, longs, name) => {
        fc.pre(name !== '__metadata__' && name !== 'ids');
        const file = path.join(folder, 'written.safetensors');
        writeSafetensors(file, {
          [name]: { dtype: 'F32', shape: [1, floats.length], data: floats },
          ids: { dtype: 'I64', shape: [longs.length], data: longs },
        });
        const back = openTensorFile(file);
        expect(back.readFloat32(name)).toEqual(floats);
        expect(new Uint8Array(back.readRaw('ids').bytes)).toEqual(
          new Uint8Array(longs.buffer, longs.byteOffset, longs.byteLength),
        );
        back.close();
      }),
      { numRuns: 50 },
    );
    const file = path.join(folder, 'kept.safetensors');
    fs.writeFileSync(file, 'before');
    expect(() => writeSafetensors(file, { a: { dtype: 'F32', shape: [2], data: new Float32Array(3) } })).toThrow(
      RangeError,
    );
    expect(fs.readFileSync(file, 'utf8')).toBe('before');
    expect(() => writeSafetensors(folder, { a: { dtype: 'F32', shape: [], data: new Float32Array(1) } })).toThrow();
    expect(
      fs
        .readdirSync(path.dirname(folder))
        .filter((name) => name.includes('.tmp') && name.startsWith(path.basename(folder))),
    ).toEqual([]);
  });
});

describe('fingerprint', () => {
  const header = (names: string[], shape = [2]) =>
    safetensorsBytes(
      Object.fromEntries(names.map((name, i) => [name, { dtype: 'F32', shape, data_offsets: [i * 8, i * 8 + 8] }])),
      names.length * 8,
    );
  const of = (files: Record<string, Uint8Array | string>) => {
    const made = newFolder(files);
    return fingerprint(made, openCheckpoint(made).tensors);
  };

  it('is the same however tensors are ordered and cut into files, and another for anything else', () => {
    const whole = of({ 'config.json': '{}', 'model.safetensors': header(['a', 'b']) });
    expect(whole).toMatch(/^[0-9a-f]{16}$/);
    expect(of({ 'config.json': '{}', 'model.safetensors': header(['b', 'a']) })).toBe(whole);
    const sharded = { weight_map: { a: 'x.safetensors', b: 'y.safetensors' } };
    expect(
      of({
        'config.json': '{}',
        [INDEX]: JSON.stringify(sharded),
        'x.safetensors': header(['a']),
        'y.safetensors': header(['b']),
      }),
    ).toBe(whole);
    expect(of({ 'config.json': '{ }', 'model.safetensors': header(['a', 'b']) })).not.toBe(whole);
    expect(of({ 'config.json': '{}', 'model.safetensors': header(['a', 'c']) })).not.toBe(whole);
    expect(of({ 'config.json': '{}', 'model.safetensors': header(['a', 'b'], [2, 1]) })).not.toBe(whole);
  });
});
