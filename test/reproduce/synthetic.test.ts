import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RandomWeights } from '../../engine/checkpoint/random_weights.ts';
import { readTraceFile } from '../../engine/report/trace_file.ts';
import { contenders, tryGating } from '../../engine/reproduce/gating_trial.ts';
import { busiestEighth, layerCounts, popularityBias, routerDeviation } from '../../engine/reproduce/popularity.ts';
import { recordTrace } from '../../engine/reproduce/record_trace.ts';
import { LM, MT, type PaperShape } from '../../engine/reproduce/shapes.ts';
import { writeSyntheticModel } from '../../engine/reproduce/synthetic_model.ts';
import { zipfTokens } from '../../engine/reproduce/token_draws.ts';
import { Trial } from '../../engine/reproduce/trial.ts';
import { decoderSteps, encoderBatch, languageBatch } from '../../engine/reproduce/workloads.ts';
import { DYNAMIC } from '../../engine/reproduce/workshop.ts';

const { trace } = readTraceFile('models/traces/gpt-oss-120b-64.jsonl.gz');
/** The paper's shapes, small: the same code, seconds instead of minutes. */
const SMALL_LM: PaperShape = {
  ...LM,
  decoderLayers: 4,
  experts: 16,
  capacity: 0.25,
  scaledHidden: 16,
  scaledWidth: 64,
  scaledVocab: 64,
};
const SMALL_MT: PaperShape = {
  ...MT,
  encoderLayers: 4,
  decoderLayers: 4,
  experts: 8,
  scaledHidden: 16,
  scaledWidth: 64,
  scaledVocab: 64,
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'reproduce-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function open(name: string, shape: PaperShape, density: 'moe' | 'dense' = 'moe'): Promise<Trial> {
  const at = path.join(folder, `${name}-${density}`);
  writeSyntheticModel(at, shape, density, trace, 3);
  return Trial.open(at, DYNAMIC);
}

describe('popularity taken from a trace', () => {
  it("is a distribution whose busiest eighth is the trace's", () => {
    const bias = popularityBias(trace, 5, trace.experts);
    const shares = bias.map(Math.exp);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
    // Half a use for experts that were never used takes a little from the others.
    expect(Math.abs(busiestEighth(shares) - busiestEighth(layerCounts(trace, 5)))).toBeLessThan(0.1);
  });

  it('lets each expert of the trace stand for several', () => {
    const bias = popularityBias(trace, 0, 2 * trace.experts);
    expect([...bias.subarray(0, trace.experts)]).toEqual([...bias.subarray(trace.experts)]);
  });
});

it('finds the noise at which a synthetic router is as skewed as the trace', () => {
  const weights = new RandomWeights(1);
  for (const layer of [0, 9, 20]) {
    const bias = popularityBias(trace, layer, 256);
    const wanted = busiestEighth(layerCounts(trace, layer));
    const deviation = routerDeviation(bias, 2, wanted, weights.standard);
    const counts = new Uint32Array(256);
    for (let token = 0; token < 2000; token++) {
      const logits = bias.map((value) => value + deviation * weights.standard());
      const order = [...logits.keys()].sort((a, b) => (logits[b] as number) - (logits[a] as number));
      for (const expert of order.slice(0, 2)) counts[expert] = (counts[expert] as number) + 1;
    }
    expect(Math.abs(busiestEighth(counts) - wanted)).toBeLessThan(0.03);
  }
});

it("draws token ids by Zipf's law, alike for a seed", () => {
  fc.assert(
    fc.property(fc.integer({ min: 16, max: 5000 }), fc.nat(), (vocab, seed) => {
      const tokens = zipfTokens(vocab, seed)(64);
      expect(tokens.every((token) => token >= 4 && token < vocab)).toBe(true);
      expect(zipfTokens(vocab, seed)(64)).toEqual(tokens);
    }),
  );
  const counts = new Map<number, number>();
  for (const token of zipfTokens(1004, 1)(40_000)) counts.set(token, (counts.get(token) ?? 0) + 1);
  let total = 0;
  for (let rank = 1; rank <= 1000; rank++) total += 1 / (rank + 2.7);
  for (const rank of [1, 2, 10]) expect((counts.get(3 + rank) ?? 0) / 40_000).toBeCloseTo(1 / (rank + 2.7) / total, 2);
});

describe('gating policies over the same steps of the scaled language model', () => {
  it('run exactly the rows that they plan', async () => {
    const trial = await open('lm', SMALL_LM);
    try {
      const variants = contenders(SMALL_LM);
      const tokens = 4 * 8;
      const results = await tryGating(trial, variants, [languageBatch(SMALL_LM, 4, 8, 1)], 1, () => undefined);
      const rows = Object.fromEntries(results.map((result) => [result.variant.name, result.rows]));
      const moeLayers = 2;
      expect(rows.static).toBe(moeLayers * 16 * 0.25 * tokens);
      expect(rows.dynamic).toBe(moeLayers * 2 * tokens);
      expect(rows.FastMoE).toBe(rows.dynamic);
      expect(rows['Tutel, same capacity']).toBe(rows.static);
      expect((rows.MegaBlocks as number) % 128).toBe(0);
      const bytes = Object.fromEntries(results.map((result) => [result.variant.name, result.activationBytes]));
      expect(bytes.static as number).toBeGreaterThan(bytes.dynamic as number);
      for (const { stepMs, phaseMs } of results) {
        expect(stepMs).toBeGreaterThan(0);
        expect(phaseMs.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(stepMs * 1.5 + 1);
      }
    } finally {
      await trial.close();
    }
  });

  it('has a dense counterpart', async () => {
    const trial = await open('lm', SMALL_LM, 'dense');
    try {
      const { rows, ids } = await trial.step(languageBatch(SMALL_LM, 2, 8, 1));
      expect([rows, ids.length]).toEqual([0, 0]);
    } finally {
      await trial.close();
    }
  });
});

it('keeps the routing of encoder and decoder apart', async () => {
  const trial = await open('mt', SMALL_MT);
  try {
    const encoder = await recordTrace(trial, 'encoder', [encoderBatch(SMALL_MT, 3, 5, 1)]);
    expect([encoder.moeLayers, encoder.steps, encoder.tokens]).toEqual([1, 1, 15]);
    expect(encoder.stepIds(0).every((id) => id < 8)).toBe(true);
    const decoder = await recordTrace(trial, 'decoder', decoderSteps(SMALL_MT, 3, 1, 4, 1));
    expect([decoder.moeLayers, decoder.steps, decoder.tokens]).toEqual([1, 4, 12]);
    expect(decoder.stepIds(3).every((id) => id < 8)).toBe(true);
  } finally {
    await trial.close();
  }
});
