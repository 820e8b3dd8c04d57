import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { forwardPairs } from '../../engine/coordinator/pair_logits.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { bucketOf } from '../../engine/rank/relative_bias.ts';
import { putNllb, putSwitch, RandomCheckpoint } from './random_checkpoint.ts';
import { type Batch, type NllbConfig, nllbPass, type Passed } from './reference_nllb.ts';
import { type SwitchConfig, switchPass, tableBucket } from './reference_switch.ts';

/** Three sources, one padded on the right and one on the left, and targets of one length. */
const BATCH: Batch = {
  inputIds: [
    [5, 9, 30, 22, 11, 5, 36, 8, 2],
    [7, 7, 19, 25, 2, 1, 1, 1, 1],
    [1, 1, 12, 33, 6, 28, 14, 21, 2],
  ],
  mask: [
    [1, 1, 1, 1, 1, 1, 1, 1, 1],
    [1, 1, 1, 1, 1, 0, 0, 0, 0],
    [0, 0, 1, 1, 1, 1, 1, 1, 1],
  ],
  decoderIds: [
    [2, 6, 13, 27, 31],
    [2, 6, 7, 7, 7],
    [2, 6, 35, 20, 9],
  ],
};

async function check(folder: string, wanted: Passed, batch = BATCH): Promise<void> {
  const checkpoint = openCheckpoint(folder);
  const rows = (ids: readonly (readonly number[])[]) => ids.map((row) => Int32Array.from(row));
  const got = await forwardPairs(folder, readModelSpec(folder, checkpoint), checkpoint, {
    inputIds: rows(batch.inputIds),
    decoderIds: rows(batch.decoderIds),
    ...(batch.mask && { mask: rows(batch.mask) }),
  });
  checkpoint.close();
  expect(Array.from(got.encoderExpertIds)).toEqual(wanted.encoder.flat(2));
  expect(Array.from(got.decoderExpertIds)).toEqual(wanted.decoder.flat(2));
  const logits = wanted.logits.flat().flatMap((row) => Array.from(row));
  expect(got.logits.length).toBe(logits.length);
  const largest = logits.reduce((most, value, i) => Math.max(most, Math.abs(value - (got.logits[i] as number))), 0);
  expect(largest).toBeLessThan(1e-4);
}

describe('nllb-moe with options that the fixture leaves off', () => {
  const PLAIN: NllbConfig = {
    ...{ hidden: 20, heads: 4, experts: 4, padToken: 1, prefix: 'model.', scaled: true, tokenDropout: 0.2 },
    layers: { encoder: 3, decoder: 3 },
    step: { encoder: 2, decoder: 3 },
    ...{ fraction: 1, expertCapacity: 64, prioritised: false, normaliseBefore: false, ignorePadding: false },
  };
  const cases: Record<string, Partial<NllbConfig> & { routerBias?: boolean; untied?: boolean }> = {
    'capacity a fraction of the call': { fraction: 0.2 },
    'prioritised, normalised before dropping': { fraction: 0.2, prioritised: true, normaliseBefore: true },
    'prioritised, padding routed': { fraction: 0.25, prioritised: true, ignorePadding: true },
    'a fixed capacity': { fraction: 0, expertCapacity: 3, normaliseBefore: true },
    'capacity from the number of experts': { fraction: -1, expertCapacity: null },
    'experts in every layer, router bias, no prefix': {
      ...{ step: { encoder: 1, decoder: 1 }, routerBias: true, prefix: '', tokenDropout: 0 },
    },
    'an encoder without experts, unscaled embedding': { step: { encoder: 0, decoder: 2 }, scaled: false },
    'an odd hidden size': { hidden: 21, heads: 3, fraction: 0.3 },
    'an untied head': { untied: true },
  };
  it.each(Object.keys(cases))('%s', async (name) => {
    const { routerBias = false, untied = false, ...options } = cases[name] ?? {};
    const config = { ...PLAIN, ...options };
    const { hidden, heads, prefix, layers, step, experts } = config;
    const checkpoint = new RandomCheckpoint(11);
    const stacks = {
      encoder: { layers: layers.encoder, step: step.encoder, width: 14 },
      decoder: { layers: layers.decoder, step: step.decoder, width: 18 },
    };
    putNllb(checkpoint, { ...{ hidden, heads, vocab: 37, experts, prefix, routerBias, stacks } });
    if (untied) checkpoint.put('lm_head.weight', [37, hidden]);
    const folder = checkpoint.write({
      ...{ model_type: 'nllb-moe', vocab_size: 37, d_model: hidden, num_experts: experts, router_bias: routerBias },
      ...{ encoder_layers: layers.encoder, encoder_sparse_step: step.encoder, encoder_ffn_dim: 14 },
      ...{ decoder_layers: layers.decoder, decoder_sparse_step: step.decoder, decoder_ffn_dim: 18 },
      ...{ encoder_attention_heads: heads, decoder_attention_heads: heads, scale_embedding: config.scaled },
      moe_eval_capacity_token_fraction: config.fraction,
      expert_capacity: config.expertCapacity,
      batch_prioritized_routing: config.prioritised,
      normalize_router_prob_before_dropping: config.normaliseBefore,
      router_ignore_padding_tokens: config.ignorePadding,
      moe_token_dropout: config.tokenDropout,
      ...(untied && { tie_word_embeddings: false }),
    });
    const wanted = nllbPass(folder, { ...config, ...(untied && { head: 'lm_head.weight' }) }, BATCH);
    // Decoders see no padding: what is missing there was dropped.
    expect(wanted.decoder.flat(2).includes(-1)).toBe(config.fraction < 1);
    await check(folder, wanted);
  });

  it.each(['sampling', 'random'])('refuses the second expert policy "%s", which draws numbers', (policy) => {
    const checkpoint = new RandomCheckpoint(1);
    checkpoint.put('shared.weight', [8, 8]);
    const folder = checkpoint.write({
      ...{ model_type: 'nllb-moe', vocab_size: 8, d_model: 8, num_experts: 2, second_expert_policy: policy },
    });
    expect(() => readModelSpec(folder, openCheckpoint(folder))).toThrow(/second_expert_policy is .*not supported/);
  });
});

describe('switch_transformers with options that the fixture leaves off', () => {
  const relu = (value: number) => Math.max(0, value);
  const PLAIN: SwitchConfig = {
    ...{ hidden: 20, heads: 3, experts: 3, capacity: 64, tied: true, activation: relu },
    layers: { encoder: 4, decoder: 3 },
    sparse: { encoder: [1, 3], decoder: [1] },
  };
  const cases: Record<string, { config?: Partial<SwitchConfig>; written?: object; routerBias?: boolean }> = {
    'capacity 1, padding on both sides': { config: { capacity: 1 } },
    'capacity 2, untied head, router bias': {
      config: { capacity: 2, tied: false },
      written: { tie_word_embeddings: false },
      routerBias: true,
    },
    'a sparse layer in every block of the encoder': {
      config: { sparse: { encoder: [0, 1, 2, 3], decoder: [1] } },
      written: { num_sparse_encoder_layers: 4 },
    },
    'no sparse layers asked for: block 1 is': {
      config: { sparse: { encoder: [1], decoder: [1] } },
      written: { num_sparse_encoder_layers: 0, num_sparse_decoder_layers: 0 },
    },
    silu: { config: { activation: (value) => value / (1 + Math.exp(-value)) }, written: { dense_act_fn: 'silu' } },
  };
  it.each(Object.keys(cases))('%s', async (name) => {
    const { config: changed, written, routerBias = false } = cases[name] ?? {};
    const config = { ...PLAIN, ...changed };
    const checkpoint = new RandomCheckpoint(5);
    putSwitch(checkpoint, { ...config, keyWidth: 6, width: 14, vocab: 37, routerBias });
    const folder = checkpoint.write({
      ...{ model_type: 'switch_transformers', vocab_size: 37, d_model: 20, d_kv: 6, d_ff: 14, num_heads: 3 },
      ...{ num_layers: 4, num_decoder_layers: 3, num_sparse_encoder_layers: 2, num_sparse_decoder_layers: 1 },
      ...{ num_experts: 3, expert_capacity: config.capacity, router_bias: routerBias, ...written },
    });
    const wanted = switchPass(folder, config, BATCH);
    expect(wanted.encoder.flat(2).includes(-1)).toBe(config.capacity < 9);
    await check(folder, wanted);
  });

  it('takes distances far beyond the exact buckets', async () => {
    const checkpoint = new RandomCheckpoint(6);
    putSwitch(checkpoint, { ...PLAIN, keyWidth: 6, width: 14, vocab: 37, routerBias: false });
    const folder = checkpoint.write({
      ...{ model_type: 'switch_transformers', vocab_size: 37, d_model: 20, d_kv: 6, d_ff: 14, num_heads: 3 },
      ...{ num_layers: 4, num_decoder_layers: 3, num_sparse_encoder_layers: 2, num_sparse_decoder_layers: 1 },
      ...{ num_experts: 3 },
    });
    const ids = (length: number, step: number) => Array.from({ length }, (_, i) => (i * step + 3) % 37);
    const long = { inputIds: [ids(150, 7)], decoderIds: [ids(140, 11)] };
    await check(folder, switchPass(folder, PLAIN, long), long);
  });

  it.each([true, false])('has the buckets of the table, bidirectional %s', (bidirectional) => {
    for (let distance = -400; distance <= 400; distance++)
      expect(bucketOf({ buckets: 32, maxDistance: 128, bidirectional }, distance)).toBe(
        tableBucket(distance, bidirectional),
      );
  });
});
