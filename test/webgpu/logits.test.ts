import { expect, it } from 'vitest';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { forwardLogits } from '../../engine/coordinator/logits.ts';
import { forwardPairs } from '../../engine/coordinator/pair_logits.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { readTensor } from '../engine/read_tensor.ts';

const TOLERANCE = 2e-3;

function open(family: string, name: string) {
  const folder = `test/fixtures/${family}`;
  const file = `${folder}/${name}.safetensors`;
  const checkpoint = openCheckpoint(folder);
  const rowsOf = (tensor: string) => {
    const { shape, values } = readTensor(file, tensor);
    const [rows, length] = shape as [number, number];
    return Array.from({ length: rows }, (_, row) => Int32Array.from(values.slice(row * length, (row + 1) * length)));
  };
  const model = [folder, readModelSpec(folder, checkpoint), checkpoint] as const;
  return { model, rowsOf, wanted: readTensor(file, 'logits').values };
}

function expectClose(logits: Float32Array, wanted: readonly number[]): void {
  expect(logits.length).toBe(wanted.length);
  const largest = wanted.reduce((most, value, at) => Math.max(most, Math.abs((logits[at] as number) - value)), 0);
  expect(largest).toBeLessThan(TOLERANCE);
}

it('olmoe fixture: logits within 2e-3 of the reference', async () => {
  const { model, rowsOf, wanted } = open('olmoe', 'io_long');
  const { logits } = await forwardLogits(...model, { inputIds: rowsOf('input_ids') }, undefined, 'webgpu:0');
  expectClose(logits, wanted);
});

it('nllb_moe fixture, padded batch: logits within 2e-3 of the reference', async () => {
  const { model, rowsOf, wanted } = open('nllb_moe', 'io_padded_batch');
  const input = {
    inputIds: rowsOf('input_ids'),
    decoderIds: rowsOf('decoder_input_ids'),
    mask: rowsOf('attention_mask'),
  };
  const { logits } = await forwardPairs(...model, input, undefined, 'webgpu:0');
  expectClose(logits, wanted);
});
