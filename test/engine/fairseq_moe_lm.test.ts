import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { forwardLogits } from '../../engine/coordinator/logits.ts';
import { denseBytes } from '../../engine/device/cpu/dense.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { headGraph } from '../../engine/graph/head.ts';
import { layerGraph } from '../../engine/graph/layer.ts';
import { putNllb, RandomCheckpoint } from './random_checkpoint.ts';
import { nllbPass } from './reference_nllb.ts';

const SIZES = {
  ...{ hidden: 20, heads: 4, vocab: 37, experts: 6, prefix: '', routerBias: false },
  stacks: { encoder: { layers: 0, step: 0, width: 0 }, decoder: { layers: 5, step: 2, width: 14 } },
};

function writeModel(interval: number, scaled: boolean): string {
  const checkpoint = new RandomCheckpoint(3);
  const { stacks } = SIZES;
  putNllb(checkpoint, { ...SIZES, stacks: { ...stacks, decoder: { ...stacks.decoder, step: interval } } });
  return checkpoint.write({
    ...{ model_type: 'fairseq_moe_lm', vocab_size: 37, d_model: 20, decoder_layers: 5, decoder_attention_heads: 4 },
    ...{ decoder_ffn_dim: 14, num_experts: 6, moe_interval: interval, scale_embedding: scaled, pad_token_id: 1 },
    max_position_embeddings: 64,
  });
}

describe('fairseq_moe_lm', () => {
  it.each([
    [2, true],
    [1, false],
    [5, true],
  ])(
    'experts in every layer of %i, scaled embedding %s: the logits and experts of a plain pass',
    async (interval, scaled) => {
      const folder = writeModel(interval, scaled);
      const ids = [5, 9, 30, 2, 11, 5, 36, 8, 0, 17, 22];
      const reference = nllbPass(
        folder,
        {
          ...{ hidden: 20, heads: 4, experts: 6, padToken: 1, prefix: '', scaled, plainGate: true, tokenDropout: 0 },
          ...{ fraction: 1, expertCapacity: 64, prioritised: false, normaliseBefore: true, ignorePadding: false },
          layers: { encoder: 0, decoder: 5 },
          step: { encoder: 0, decoder: interval },
        },
        { inputIds: [], decoderIds: [ids] },
      );
      const checkpoint = openCheckpoint(folder);
      const spec = readModelSpec(folder, checkpoint);
      const { logits, expertIds } = await forwardLogits(folder, spec, checkpoint, { inputIds: [Int32Array.from(ids)] });
      const wanted = reference.logits.flat().flatMap((row) => Array.from(row));
      let largest = 0;
      for (const [i, value] of wanted.entries()) largest = Math.max(largest, Math.abs((logits[i] as number) - value));
      expect(largest).toBeLessThan(1e-4);
      expect(Array.from(expertIds)).toEqual(reference.decoder.flat(2));
    },
  );

  it("counts the dense part's bytes as its sessions hold them", () => {
    const folder = writeModel(2, true);
    const spec = readModelSpec(folder, openCheckpoint(folder));
    const [stack] = spec.stacks;
    if (stack === undefined) throw new Error('no stack');
    const bytes = stack.layers.reduce((sum, layer) => sum + layerGraph(layer, spec.hiddenSize, true, 'fp32').bytes, 0);
    const { attention, otherDense } = denseBytes(spec, 'fp32');
    expect(attention + otherDense).toBe(bytes + headGraph(spec, stack.finalNorm, 'fp32').bytes);
  });
});
