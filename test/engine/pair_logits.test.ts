import { describe, expect, it } from 'vitest';
import { openCheckpoint, openTensorFile } from '../../engine/checkpoint/checkpoint.ts';
import { forwardPairs } from '../../engine/coordinator/pair_logits.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { readTensor } from './read_tensor.ts';

function rowsOf(file: string, name: string): Int32Array[] | undefined {
  const source = openTensorFile(file);
  const has = source.tensors.has(name);
  source.close();
  if (!has) return undefined;
  const { shape, values } = readTensor(file, name);
  const [rows, length] = shape as [number, number];
  return Array.from({ length: rows }, (_, row) => Int32Array.from(values.slice(row * length, (row + 1) * length)));
}

async function pass(folder: string, file: string, prefix = '') {
  const checkpoint = openCheckpoint(folder);
  const mask = rowsOf(file, `${prefix}attention_mask`);
  return forwardPairs(folder, readModelSpec(folder, checkpoint), checkpoint, {
    inputIds: rowsOf(file, `${prefix}input_ids`) ?? [],
    decoderIds: rowsOf(file, `${prefix}decoder_input_ids`) ?? [],
    ...(mask && { mask }),
  });
}

function largestDifference(actual: Float32Array, wanted: readonly number[]): number {
  expect(actual.length).toBe(wanted.length);
  return wanted.reduce((largest, value, i) => Math.max(largest, Math.abs((actual[i] as number) - value)), 0);
}

describe('law 1: logits of the reference, encoder-decoder', () => {
  it.each(['nllb_moe', 'switch'].flatMap((family) => ['io', 'io_padded_batch'].map((name) => [family, name] as const)))(
    '%s fixture, %s: within 1e-3',
    async (family, name) => {
      const folder = `test/fixtures/${family}`;
      const file = `${folder}/${name}.safetensors`;
      const { logits } = await pass(folder, file);
      expect(largestDifference(logits, readTensor(file, 'logits').values)).toBeLessThan(1e-3);
    },
  );

  const demo = 'models/demo-mt';
  const reference = `${demo}/reference.safetensors`;
  it.each(['case0', 'case1', 'case2', 'batch'])('demo model, %s: within 1e-3, the same experts', async (name) => {
    const { logits, encoderExpertIds, decoderExpertIds } = await pass(demo, reference, `${name}.`);
    expect(largestDifference(logits, readTensor(reference, `${name}.logits`).values)).toBeLessThan(1e-3);
    const mask = rowsOf(reference, `${name}.attention_mask`)?.flatMap((row) => Array.from(row)) ?? [];
    // Padding is not routed: the reference lists what it would have chosen.
    const wanted = readTensor(reference, `${name}.encoder_top2`).values.map((id, at) =>
      mask[Math.floor(at / 2) % mask.length] === 0 ? -1 : id,
    );
    expect(Array.from(encoderExpertIds)).toEqual(wanted);
    expect(Array.from(decoderExpertIds)).toEqual(readTensor(reference, `${name}.decoder_top2`).values);
  });
});
