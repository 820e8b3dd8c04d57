import { cpSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { type WritableTensor, writeSafetensors } from '../../engine/checkpoint/safetensors_write.ts';
import { inspectModel } from '../../engine/coordinator/open_model.ts';
import { refusal } from '../checkpoint/write_files.ts';
import { expectPass, forwardRows } from './compare_pass.ts';
import { writeGptOss } from './random_gpt_oss.ts';
import { readTensor } from './read_tensor.ts';
import { type GptOssConfig, referenceGptOss } from './reference_gpt_oss.ts';

const IDS = [3, 30, 0, 12, 12, 7, 25, 1, 9, 17, 4, 28, 2, 2, 19, 8];

/** The same model with MXFP4 experts written out, transposed as unpacked checkpoints have them. */
function unpack(folder: string): string {
  const checkpoint = openCheckpoint(folder);
  const tensors: Record<string, WritableTensor> = {};
  for (const [name, { dtype, shape }] of checkpoint.tensors) {
    const values = checkpoint.readFloat32(name);
    tensors[name] = { dtype: 'F32', shape, data: values };
    if (dtype !== 'MXFP4') continue;
    const [experts, rows, columns] = shape as [number, number, number];
    const data = Float32Array.from(values, (_, at) => {
      const [expert, inner] = [Math.floor(at / (rows * columns)), at % (rows * columns)];
      return values[(expert * rows + (inner % rows)) * columns + Math.floor(inner / rows)] as number;
    });
    tensors[name] = { dtype: 'F32', shape: [experts, columns, rows], data };
  }
  checkpoint.close();
  const made = mkdtempSync(path.join(tmpdir(), 'moe-random-'));
  cpSync(path.join(folder, 'config.json'), path.join(made, 'config.json'));
  writeSafetensors(path.join(made, 'model.safetensors'), tensors);
  return made;
}

describe('GPT-OSS', () => {
  it.each<[string, Partial<GptOssConfig>, boolean]>([
    ['MXFP4 experts, a window smaller than the input, YaRN', {}, true],
    [
      'unpacked experts, no biases on attention, plain rope, tied',
      { attention_bias: false, rope_scaling: null, tie_word_embeddings: true },
      false,
    ],
    [
      'layers named by type, a limit that clamps',
      { layer_types: ['full_attention', 'sliding_attention'], swiglu_limit: 0.25 },
      false,
    ],
  ])('%s', async (_, options, packed) => {
    const { folder, config } = writeGptOss(options, packed);
    await expectPass(folder, IDS, referenceGptOss(folder, config, IDS, packed), 1e-4);
  });

  it('fixture: the experts of a plain double-precision pass', async () => {
    const folder = 'test/fixtures/gpt_oss';
    const config: GptOssConfig = JSON.parse(readFileSync(`${folder}/config.json`, 'utf8'));
    const ids = readTensor(`${folder}/io_long.safetensors`, 'input_ids').values;
    await expectPass(folder, ids, referenceGptOss(folder, config, ids), 1e-3);
  });

  it('padding is taken out, wherever it stands', async () => {
    const { folder, config } = writeGptOss({}, true);
    const padded = await forwardRows(folder, [[0, 5, 6, 7, 8, 9, 0]], { mask: [[0, 1, 1, 1, 1, 1, 0]] });
    const { logits } = await forwardRows(folder, [[5, 6, 7, 8, 9]]);
    const vocab = config.vocab_size;
    expect(Array.from(padded.logits.subarray(vocab, 6 * vocab))).toEqual(Array.from(logits));
  });

  it.each(['fp32', 'int8', 'int4'] as const)('packed and unpacked are one model, to the bit, at %s', async (name) => {
    const { folder } = writeGptOss({}, true);
    const precision = { experts: name, dense: 'fp32' } as const;
    const packed = await forwardRows(folder, [IDS], { precision });
    expect((await forwardRows(unpack(folder), [IDS], { precision })).logits).toEqual(packed.logits);
  });

  it('counts values of packed experts, not their bytes, and says how they are stored', () => {
    const { folder } = writeGptOss({}, true);
    const { summary } = inspectModel(folder);
    expect(summary.dtype).toBe('MXFP4');
    expect(summary.parameters).toBe(inspectModel(unpack(folder)).summary.parameters);
  });

  it('refuses layer types that do not say what every layer is', () => {
    const { folder } = writeGptOss({ layer_types: ['full_attention'] }, false);
    expect(refusal(() => inspectModel(folder))).toMatch(/layer_types must say .* for each of 2 layers/);
  });
});
