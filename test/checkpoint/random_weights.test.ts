import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTensorFile } from '../../engine/checkpoint/checkpoint.ts';
import { RandomWeights } from '../../engine/checkpoint/random_weights.ts';
import { streamSafetensors } from '../../engine/checkpoint/safetensors_stream.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weights-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, seed: number): string {
  const weights = new RandomWeights(seed);
  const file = path.join(folder, name);
  streamSafetensors(file, [
    weights.normal('a', [700, 1000], 0.5),
    weights.normal('b', [3, 5], 2),
    weights.constant('gain', [7], 1),
    weights.values('bias', [3], Float32Array.of(0.25, -1, 3)),
  ]);
  return file;
}

describe('seeded weights', () => {
  it('have the spread asked for, and given values as they are', () => {
    const file = openTensorFile(write('one.safetensors', 5));
    const read = (name: string, length: number) => {
      const out = new Float32Array(length);
      file.readFloat32(name, out);
      return out;
    };
    const a = read('a', 700_000);
    const mean = a.reduce((sum, value) => sum + value, 0) / a.length;
    const deviation = Math.sqrt(a.reduce((sum, value) => sum + (value - mean) ** 2, 0) / a.length);
    expect(Math.abs(mean)).toBeLessThan(0.005);
    expect(Math.abs(deviation - 0.5)).toBeLessThan(0.005);
    expect([...read('gain', 7)]).toEqual(Array(7).fill(1));
    expect([...read('bias', 3)]).toEqual([0.25, -1, 3]);
    file.close();
  });

  it('are the same bytes for the same seed, others for another, and the file is whole', () => {
    const same = [write('one.safetensors', 5), write('two.safetensors', 5)].map((file) => readFileSync(file));
    expect(same[0]?.equals(same[1] as Buffer)).toBe(true);
    expect(readFileSync(write('three.safetensors', 6)).equals(same[0] as Buffer)).toBe(false);
    expect(readdirSync(folder).sort()).toEqual(['one.safetensors', 'three.safetensors', 'two.safetensors']);
  });

  it('refuse pieces that do not fill the shape and leave no file', () => {
    const short = { name: 'x', dtype: 'F32' as const, shape: [4], pieces: () => [new Uint8Array(8)] };
    expect(() => streamSafetensors(path.join(folder, 'short.safetensors'), [short])).toThrow('x: 8 bytes');
    expect(readdirSync(folder)).toEqual([]);
  });
});
