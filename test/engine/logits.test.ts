import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { forwardLogits } from '../../engine/coordinator/logits.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { readTensor } from './read_tensor.ts';
import { referenceLlama } from './reference_llama.ts';

async function forward(folder: string, ids: { shape: readonly number[]; values: number[] }) {
  const checkpoint = openCheckpoint(folder);
  const [rows, length] = ids.shape as [number, number];
  const inputIds = Array.from({ length: rows }, (_, row) =>
    Int32Array.from(ids.values.slice(row * length, (row + 1) * length)),
  );
  return forwardLogits(folder, readModelSpec(folder, checkpoint), checkpoint, { inputIds });
}

function largestDifference(actual: Float32Array, wanted: readonly number[]): number {
  expect(actual.length).toBe(wanted.length);
  let largest = 0;
  for (const [i, value] of wanted.entries()) largest = Math.max(largest, Math.abs((actual[i] as number) - value));
  return largest;
}

describe('law 1: logits of the reference', () => {
  const demo = 'models/demo-lm';
  it.each(['english', 'code', 'french', 'technical'])('demo model, %s: within 1e-3, the same experts', async (name) => {
    const reference = `${demo}/reference.safetensors`;
    const { logits, expertIds } = await forward(demo, readTensor(reference, `${name}.input_ids`));
    expect(largestDifference(logits, readTensor(reference, `${name}.logits`).values)).toBeLessThan(1e-3);
    expect(Array.from(expertIds)).toEqual(readTensor(reference, `${name}.topk`).values);
  });

  const plain = ['olmoe', 'mixtral', 'qwen2_moe', 'qwen3_moe', 'granitemoe', 'phimoe'];
  const families = [...plain, 'deepseek_v2', 'deepseek_v3', 'gpt_oss'];
  it.each(families.flatMap((name) => [`${name}/io`, `${name}/io_long`]))('fixture %s: within 1e-3', async (name) => {
    const file = `test/fixtures/${name}.safetensors`;
    const folder = path.dirname(file);
    const input = readTensor(file, 'input_ids');
    const { logits, expertIds } = await forward(folder, input);
    expect(largestDifference(logits, readTensor(file, 'logits').values)).toBeLessThan(1e-3);
    if (!plain.includes(path.basename(folder))) return;
    // The experts of a plain double-precision pass.
    expect(Array.from(expertIds)).toEqual(referenceLlama(folder, input.values).experts.flat(2));
  });
});
