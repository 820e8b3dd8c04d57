import { afterAll, beforeAll, expect, it } from 'vitest';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { forwardLogits } from '../../engine/coordinator/logits.ts';
import { forwardPairs } from '../../engine/coordinator/pair_logits.ts';
import { WebGpuMemory } from '../../engine/device/webgpu/memory.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { readTensor } from '../engine/read_tensor.ts';
import { referenceLlama } from '../engine/reference_llama.ts';

const TOLERANCE = 2e-3;

// Compiled programs are forgotten with a card's last session. One that stays lets families share theirs: 0.3 s instead of 6.
const kept = new WebGpuMemory({ ms: 0 });
beforeAll(async () => void (await kept.zeros([1])));
afterAll(() => kept.close());

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

it.each([
  ['olmoe', 'io_long'],
  // A window, sinks, clamped experts with biases.
  ['gpt_oss', 'io_long'],
  // Latent attention, shared experts, a dense first layer; the second with groups of experts.
  ['deepseek_v2', 'io'],
  ['deepseek_v3', 'io'],
  ['mixtral', 'io'],
  ['qwen2_moe', 'io'],
  ['qwen3_moe', 'io'],
])('%s fixture, %s: logits within 2e-3 of the reference', async (family, file) => {
  const { model, rowsOf, wanted } = open(family, file);
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

it('olmoe fixture at 16 bits: what a processor gives, or a refusal where the card has no float16', async () => {
  const { model, rowsOf } = open('olmoe', 'io');
  const input = { inputIds: rowsOf('input_ids') };
  const precision = { experts: 'fp16', dense: 'fp16' } as const;
  const hasHalves = await kept.hasHalves();
  const onCard = forwardLogits(...model, input, precision, 'webgpu:0');
  if (!hasHalves) {
    await expect(onCard).rejects.toThrow(
      /^precision: webgpu:0: this card .* no float16 .* choose stored, int8 or int4\.$/,
    );
    return;
  }
  const { logits, expertIds } = await onCard;
  const wanted = await forwardLogits(...model, input, precision);
  expect(expertIds).toEqual(wanted.expertIds);
  expectClose(logits, Array.from(wanted.logits));
});

it('olmoe fixture, experts at 4 bits, the rest at 8: logits and experts of a plain pass over the rounded weights', async () => {
  const { model, rowsOf } = open('olmoe', 'io');
  const [ids] = rowsOf('input_ids') as [Int32Array];
  const precision = { experts: 'int4', dense: 'int8' } as const;
  const { logits, expertIds } = await forwardLogits(...model, { inputIds: [ids] }, precision, 'webgpu:0');
  const wanted = referenceLlama(model[0], [...ids], {
    exactInputs: true,
    lowBit: (name) => (name.includes('.experts.') ? 'int4' : /_proj\.weight|lm_head/.test(name) ? 'int8' : undefined),
  });
  expect(Array.from(expertIds)).toEqual(wanted.experts.flat(2));
  expectClose(
    logits,
    wanted.logits.flatMap((row) => Array.from(row)),
  );
});
