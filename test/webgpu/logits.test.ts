import { expect, it } from 'vitest';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { forwardLogits } from '../../engine/coordinator/logits.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { readTensor } from '../engine/read_tensor.ts';

it.each(['io', 'io_long'])('olmoe fixture, %s: logits within 2e-3 of the reference', async (name) => {
  const folder = 'test/fixtures/olmoe';
  const file = `${folder}/${name}.safetensors`;
  const { shape, values } = readTensor(file, 'input_ids');
  const [rows, length] = shape as [number, number];
  const inputIds = Array.from({ length: rows }, (_, row) =>
    Int32Array.from(values.slice(row * length, (row + 1) * length)),
  );
  const checkpoint = openCheckpoint(folder);
  const { logits } = await forwardLogits(
    folder,
    readModelSpec(folder, checkpoint),
    checkpoint,
    { inputIds },
    undefined,
    'webgpu:0',
  );
  const wanted = readTensor(file, 'logits').values;
  expect(logits.length).toBe(wanted.length);
  const largest = wanted.reduce((most, value, at) => Math.max(most, Math.abs((logits[at] as number) - value)), 0);
  expect(largest).toBeLessThan(2e-3);
});
