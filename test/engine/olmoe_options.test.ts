import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { type WritableTensor, writeSafetensors } from '../../engine/checkpoint/safetensors_write.ts';
import { forwardLogits } from '../../engine/coordinator/logits.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { referencePass } from './reference_olmoe.ts';

const SIZES = { hidden: 16, width: 12, heads: 4, kvHeads: 2, layers: 2, experts: 6, topK: 2, vocab: 31 };

/** Seeded numbers in [-scale, scale]. */
function randomFloats(seed: number, count: number, scale: number, around = 0): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return around + (state / 2 ** 31 - 1) * scale;
  });
}

/** A random checkpoint with options that the fixtures leave off: grouped keys, clip_qkv, renormalised weights. */
function writeCheckpoint(fused: boolean): string {
  const { hidden, width, heads, kvHeads, layers, experts, topK, vocab } = SIZES;
  const folder = mkdtempSync(path.join(tmpdir(), 'moe-olmoe-'));
  const tensors: Record<string, WritableTensor> = {};
  let seed = 7;
  const put = (name: string, shape: readonly number[], scale = 0.4, around = 0) => {
    const data = randomFloats(
      seed++,
      shape.reduce((a, b) => a * b, 1),
      scale,
      around,
    );
    tensors[name] = { dtype: 'F32', shape, data };
    return data;
  };
  const keys = (hidden / heads) * kvHeads;
  put('model.embed_tokens.weight', [vocab, hidden], 1);
  put('lm_head.weight', [vocab, hidden]);
  put('model.norm.weight', [hidden], 0.2, 1);
  for (let layer = 0; layer < layers; layer++) {
    const at = `model.layers.${layer}`;
    put(`${at}.input_layernorm.weight`, [hidden], 0.2, 1);
    put(`${at}.post_attention_layernorm.weight`, [hidden], 0.2, 1);
    for (const [part, rows] of [
      ['q', hidden],
      ['k', keys],
      ['v', keys],
      ['o', hidden],
    ] as const) {
      put(`${at}.self_attn.${part}_proj.weight`, [rows, hidden]);
      if (part === 'q' || part === 'k') put(`${at}.self_attn.${part}_norm.weight`, [rows], 0.2, 1);
    }
    put(`${at}.mlp.gate.weight`, [experts, hidden], 1);
    const gateUp: Float32Array[] = [];
    const down: Float32Array[] = [];
    for (let e = 0; e < experts; e++) {
      for (const part of ['gate', 'up'] as const)
        gateUp.push(put(`${at}.mlp.experts.${e}.${part}_proj.weight`, [width, hidden]));
      down.push(put(`${at}.mlp.experts.${e}.down_proj.weight`, [hidden, width]));
    }
    if (!fused) continue;
    for (let e = 0; e < experts; e++)
      for (const part of ['gate', 'up', 'down']) delete tensors[`${at}.mlp.experts.${e}.${part}_proj.weight`];
    tensors[`${at}.mlp.experts.gate_up_proj`] = {
      dtype: 'F32',
      shape: [experts, 2 * width, hidden],
      data: join(gateUp),
    };
    tensors[`${at}.mlp.experts.down_proj`] = { dtype: 'F32', shape: [experts, hidden, width], data: join(down) };
  }
  writeSafetensors(path.join(folder, 'model.safetensors'), tensors);
  const config = {
    ...{ model_type: 'olmoe', hidden_size: hidden, intermediate_size: width, num_hidden_layers: layers },
    ...{
      num_attention_heads: heads,
      num_key_value_heads: kvHeads,
      num_local_experts: experts,
      num_experts_per_tok: topK,
    },
    ...{ vocab_size: vocab, clip_qkv: 0.8, norm_topk_prob: true, head_dim: null, max_position_embeddings: 64 },
    rope_parameters: { rope_type: 'default', rope_theta: 500 },
  };
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
  return folder;
}

function join(parts: readonly Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => Array.from(part)));
}

describe('olmoe options that no fixture sets', () => {
  it.each([false, true])('grouped keys, clip_qkv, renormalised weights; fused experts: %s', async (fused) => {
    const folder = writeCheckpoint(fused);
    const ids = [3, 30, 0, 12, 12, 7, 25, 1, 9];
    const checkpoint = openCheckpoint(folder);
    const { logits, expertIds } = await forwardLogits(folder, readModelSpec(folder, checkpoint), checkpoint, {
      inputIds: [Int32Array.from(ids)],
    });
    const wanted = referencePass(fused ? writeCheckpoint(false) : folder, ids, {
      ...SIZES,
      theta: 500,
      epsilon: 1e-5,
      clip: 0.8,
      renormalise: true,
    });
    expect(Array.from(expertIds)).toEqual(wanted.experts.flat(2));
    for (const [token, row] of wanted.logits.entries()) {
      for (const [id, value] of row.entries())
        expect(Math.abs((logits[token * SIZES.vocab + id] as number) - value)).toBeLessThan(1e-4);
    }
  });

  it('an attention mask takes padding out, wherever it stands', async () => {
    const folder = writeCheckpoint(false);
    const checkpoint = openCheckpoint(folder);
    const spec = readModelSpec(folder, checkpoint);
    const plain = await forwardLogits(folder, spec, checkpoint, { inputIds: [Int32Array.of(5, 6, 7)] });
    const padded = await forwardLogits(folder, spec, checkpoint, {
      inputIds: [Int32Array.of(0, 5, 6, 7, 0)],
      mask: [Int32Array.of(0, 1, 1, 1, 0)],
    });
    expect(Array.from(padded.logits.subarray(SIZES.vocab, 4 * SIZES.vocab))).toEqual(Array.from(plain.logits));
    expect(Array.from(padded.expertIds.subarray(0, SIZES.topK))).toEqual([-1, -1]);
  });
});
