import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareGating } from '../../engine/coordinator/compare_gating.ts';
import { gatingLab, heldOut } from '../../engine/coordinator/gating_lab.ts';
import { planMemory } from '../../engine/coordinator/memory_plan.ts';
import { openModel } from '../../engine/coordinator/open_model.ts';
import { measurePerplexity } from '../../engine/coordinator/perplexity.ts';
import { capacityRows } from '../../engine/gating/static.ts';
import type { StackCounts } from '../../engine/protocol/labs.ts';
import { GatingName, type GatingSettings, STORED_PRECISION } from '../../engine/protocol/settings.ts';
import { writeSyntheticOlmoe } from '../bench/synthetic_olmoe.ts';
import { RANK_ENTRY } from './tiny_run.ts';

const model = openModel('models/demo-lm');

/** Where nothing depends on what the model learnt: a step of static gating at C = 1 runs every expert on every token of it. */
function smallModel() {
  const folder = mkdtempSync(path.join(tmpdir(), 'moe-gating-lab-'));
  writeSyntheticOlmoe(folder, { hidden: 64, width: 128, layers: 2, experts: 32, topK: 2 }, 'models/demo-lm');
  return openModel(folder);
}
const small = smallModel();
const { experts, topK, hiddenSize, moeLayers } = small.summary;
const under = (gating: GatingName, capacity = 1): GatingSettings => ({ gating, capacity, tutelFactor: 0 });

describe('gating compared', () => {
  it('has the slots, waste, drops and bytes of the paper for tokens that were really run', async () => {
    const table = await gatingLab(
      small,
      { capacity: 0.05, tutelFactor: 0, batch: 2, batches: [1], capacities: [] },
      { rankEntry: RANK_ENTRY, budgetBytes: 2 ** 30, pause: async () => undefined },
    );
    const pairs = table.tokensPerStep * topK;
    const row = (name: GatingName) => {
      const found = table.rows.find(({ policy }) => policy === name);
      if (found === undefined) throw new Error(`no row of ${name}`);
      return found;
    };
    expect(table.rows.map(({ policy }) => policy)).toEqual(GatingName.options);
    const staticSlots = experts * capacityRows(0.05, table.tokensPerStep);
    expect(row('static').slots).toBe(staticSlots);
    expect(row('static').wasteFactor).toBeCloseTo(staticSlots / pairs, 9);
    expect(row('static').droppedPairs).toBeGreaterThan(0);
    for (const name of ['dynamic', 'fastmoe', 'megablocks-grouped'] as const) {
      expect([row(name).slots, row(name).paddingRows, row(name).droppedPairs]).toEqual([pairs, 0, 0]);
    }
    expect((row('megablocks').slots * moeLayers.length) % 128).toBe(0);
    expect(row('megablocks').slots).toBeGreaterThan(pairs);
    for (const { slots, realRows, paddingRows, droppedPairs, exchangedBytes, policy } of table.rows) {
      expect(realRows + paddingRows).toBeCloseTo(slots, 9);
      expect(realRows + droppedPairs).toBeCloseTo(pairs, 9);
      const crossing = policy === 'megablocks' ? pairs : slots;
      expect(exchangedBytes).toBeCloseTo(2 * crossing * hiddenSize * 4, 3);
    }
    // What the paper calls the spike: masks and padded buffers on top of the same dense part, experts and KV cache.
    expect(row('static').activationBytes).toBeGreaterThan(row('dynamic').activationBytes);
    expect(table.throughput.map(({ policy }) => policy)).toEqual(GatingName.options);
    expect(table.throughput.every(({ tokensPerSecond }) => (tokensPerSecond ?? 0) > 0)).toBe(true);
  }, 120_000);

  it('says of a policy that does not fit the budget that it does not, and runs the others', async () => {
    const sequences = heldOut(small, 4, 32);
    const shape = {
      placement: 'contiguous' as const,
      precision: STORED_PRECISION,
      ...under('dynamic'),
      devices: 1,
      batch: 4,
      promptTokens: 32,
      newTokens: 1,
    };
    const plan = planMemory(small.spec, shape, 128);
    const policies = [under('static'), under('dynamic')];
    const masked = planMemory(small.spec, { ...shape, ...under('static') }, 128);
    expect(masked.fixedBytes).toBeGreaterThan(plan.fixedBytes);
    // With every expert resident static does not fit; it runs with the slots that its masks leave.
    const budgetBytes = masked.fixedBytes + 3 * masked.bytesPerSlot;
    const rows = await compareGating(small, { rankEntry: RANK_ENTRY, sequences, policies, rounds: 1, budgetBytes });
    expect(rows[1]?.peakBytes).toBeLessThanOrEqual(budgetBytes);
    expect(rows[0]?.peakBytes).toBeLessThanOrEqual(budgetBytes);
    const tight = masked.fixedBytes;
    const [none, some] = await compareGating(small, {
      ...{ rankEntry: RANK_ENTRY, sequences, policies, rounds: 1, budgetBytes: tight },
    });
    expect(none).toBeUndefined();
    expect(some?.slots).toBe(128 * topK);
  }, 120_000);

  it('ends between two steps where it is told to', async () => {
    const steps: string[] = [];
    const options = {
      rankEntry: RANK_ENTRY,
      sequences: heldOut(small, 1, 8),
      policies: [under('dynamic')],
      rounds: 50,
    };
    const pause = async (_: number, text: string) => {
      steps.push(text);
      if (steps.length === 3) throw new Error('enough');
    };
    await expect(compareGating(small, { ...options, pause })).rejects.toThrow('enough');
    expect(steps).toHaveLength(3);
  }, 120_000);
});

describe('gating compared on the translation model', () => {
  const pair = openModel('models/demo-mt');
  const { summary } = pair;

  it('counts encoder and decoder apart: each stack has the slots of its own tokens', async () => {
    const capacity = 0.1;
    const batch = 3;
    const table = await gatingLab(
      pair,
      { capacity, tutelFactor: 0, batch, batches: [1], capacities: [0.1] },
      { rankEntry: RANK_ENTRY, budgetBytes: 2 ** 30, pause: async () => undefined },
    );
    const sources = heldOut(pair, batch, 32).reduce((sum, tokens) => sum + tokens.length, 0);
    // A translation begins with the start token and its language.
    const starts = 2 * batch;
    expect(table.tokensPerStep).toBe(sources + starts);
    expect(table.rows.map(({ policy }) => policy)).toEqual(GatingName.options);
    for (const { policy, stacks, slots, paddingRows, droppedPairs } of table.rows) {
      if (stacks === undefined) throw new Error(`${policy} has no stacks`);
      for (const [stack, tokens] of [
        ['encoder', sources],
        ['decoder', starts],
      ] as const) {
        const counts = stacks[stack];
        expect(counts.realRows + counts.droppedPairs).toBe(tokens * summary.topK);
        expect(counts.realRows + counts.paddingRows).toBeCloseTo(counts.slots, 9);
        expect(counts.wasteFactor).toBeCloseTo(counts.slots / (tokens * summary.topK), 9);
        if (policy === 'static') expect(counts.slots).toBe(summary.experts * capacityRows(capacity, tokens));
        if (policy === 'dynamic') expect([counts.paddingRows, counts.droppedPairs]).toEqual([0, 0]);
      }
      const both = (value: (of: StackCounts) => number) => {
        const inEncoder =
          summary.moeLayers.filter(({ stack }) => stack === 'encoder').length / summary.moeLayers.length;
        return inEncoder * value(stacks.encoder) + (1 - inEncoder) * value(stacks.decoder);
      };
      expect(both((of) => of.slots)).toBeCloseTo(slots, 9);
      expect(both((of) => of.paddingRows)).toBeCloseTo(paddingRows, 9);
      expect(both((of) => of.droppedPairs)).toBeCloseTo(droppedPairs, 9);
    }
    // All translations begin alike, so that one expert gets them all and Tutel pads every other to its rows.
    const tutel = table.rows.find(({ policy }) => policy === 'tutel')?.stacks;
    expect(tutel?.decoder.wasteFactor).toBeGreaterThan(tutel?.encoder.wasteFactor ?? Number.POSITIVE_INFINITY);
    expect(table.quality).toEqual([]);
    expect(table.warnings.join(' ')).toContain('Perplexity is measured for language models only');
  }, 120_000);
});

it('perplexity: static with C = 1 is that of dynamic gating, and less capacity drops more and costs more', async () => {
  const gating = [under('dynamic'), under('static', 1), under('static', 0.05), under('static', 0.02)];
  const sequences = heldOut(model, 4, 64);
  const found = await measurePerplexity(model, { rankEntry: RANK_ENTRY, sequences, batch: 4, gating });
  const [dynamic, whole, some, few] = found.map((point) => point ?? { perplexity: 0, droppedShare: 0, loss: 0 });
  expect(whole?.loss).toBeCloseTo(dynamic?.loss ?? 0, 4);
  expect([dynamic?.droppedShare, whole?.droppedShare]).toEqual([0, 0]);
  expect(some?.droppedShare).toBeGreaterThan(0);
  expect(few?.droppedShare).toBeGreaterThan(some?.droppedShare ?? 1);
  expect(some?.perplexity).toBeGreaterThan(dynamic?.perplexity ?? 0);
  expect(few?.perplexity).toBeGreaterThan(some?.perplexity ?? 0);
  // The model's card says 3.55 on blocks of 256; pieces of 64 know less of what came before.
  expect(dynamic?.loss).toBeGreaterThan(3.2);
  expect(dynamic?.loss).toBeLessThan(4.2);
}, 120_000);
