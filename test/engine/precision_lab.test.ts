import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../engine/coordinator/engine.ts';
import { planMemory } from '../../engine/coordinator/memory_plan.ts';
import { openModel } from '../../engine/coordinator/open_model.ts';
import { precisionLab } from '../../engine/coordinator/precision_lab.ts';
import type { Progress } from '../../engine/protocol/messages.ts';
import { bytesHeld } from '../../engine/protocol/model.ts';
import { PrecisionLabParams } from '../../engine/protocol/precision.ts';
import { DEFAULT_RUN, STORED_PRECISION } from '../../engine/protocol/settings.ts';
import { RANK_ENTRY, TINY, tinyPairModel } from './tiny_run.ts';

const free = async () => undefined;
const steps = () => ({ rankEntry: RANK_ENTRY, packsDir: mkdtempSync(path.join(tmpdir(), 'moe-lab-')), pause: free });
const INT4 = { experts: 'int4', dense: 'stored' } as const;

describe('the price of precision', () => {
  const model = openModel('models/demo-lm');
  const few = PrecisionLabParams.parse({ precisions: [INT4], sequences: 2, tokens: 32, batch: 2 });

  it('is nothing at the stored precision, and a little perplexity and some experts at 4 bits', async () => {
    const { rows, tokens } = await precisionLab(model, few, steps());
    const [stored, int4] = rows;
    expect(tokens).toBe(64);
    expect(stored).toMatchObject({ precision: STORED_PRECISION, agreement: 1, wholeAgreement: 1 });
    expect(int4?.agreement).toBeGreaterThan(0.7);
    expect(int4?.agreement).toBeLessThan(1);
    expect(int4?.wholeAgreement).toBeLessThan(int4?.agreement as number);
    expect((int4?.perplexity as number) / (stored?.perplexity as number)).toBeCloseTo(1, 1);
    expect(int4?.agreementByLayer).toHaveLength(model.summary.moeLayers.length);
    // The first layer's router sees what no expert has touched.
    expect(int4?.agreementByLayer[0]).toBe(1);
    expect(int4?.bytesPerExpert).toBe(bytesHeld(model.summary, INT4).perExpert);
    expect(rows.every((row) => row.prefillTokensPerSecond > 0 && row.decodeTokensPerSecond > 0)).toBe(true);
  }, 120_000);

  it('of a text that is given; experts that do not all fit come from a pack', async () => {
    const text = 'The same few words, said again and again, and then once more. '.repeat(8);
    const params = PrecisionLabParams.parse({ precisions: [INT4], text, sequences: 1, tokens: 8, batch: 1 });
    const shape = { ...DEFAULT_RUN, devices: 1, batch: 1, promptTokens: 8, newTokens: 18 };
    const plan = planMemory(model.spec, { ...shape, precision: INT4 }, 8);
    const budgetBytes = planMemory(model.spec, shape, 8).fixedBytes + 60 * plan.bytesPerSlot;
    const where = { ...steps(), budgetBytes };
    const table = await precisionLab(model, params, where);
    expect(table).toMatchObject({ text: 'given text', tokens: 8 });
    expect(table.warnings.join(' ')).toMatch(/of 64 experts a layer fit; its speeds include loads/);
    expect(readdirSync(where.packsDir)).toHaveLength(
      table.warnings.some((line) => line.startsWith('experts int4')) ? 1 : 0,
    );
  }, 120_000);

  it('of an encoder-decoder is told without perplexity', async () => {
    const pairs = tinyPairModel('nllb_moe');
    const text = 'a source of letters';
    const params = PrecisionLabParams.parse({ precisions: [INT4], text, sequences: 1, tokens: 12, batch: 1 });
    const { rows, warnings } = await precisionLab(pairs, params, steps());
    expect(rows.map(({ perplexity }) => perplexity)).toEqual([null, null]);
    expect(rows[0]?.agreementByLayer).toEqual(new Array(pairs.summary.moeLayers.length).fill(1));
    expect(warnings).toEqual(['Perplexity is measured for language models only.']);
  });
});

describe('packing at the start of a run', () => {
  it('is told, and stopped without a pack that is used; the next start goes on with it', async () => {
    const dataDir = mkdtempSync(path.join(tmpdir(), 'moe-data-'));
    const engine = createEngine({
      dataDir,
      modelsDir: 'models',
      rankEntry: RANK_ENTRY,
      linkEntry: path.resolve('out/main/link.cjs'),
    });
    await engine.request('openModel', { path: path.resolve('models/demo-lm') });
    const settings = {
      ...TINY,
      precision: { experts: 'int4', dense: 'stored' },
      promptCount: 1,
      newTokens: 2,
    } as const;
    const told: Progress[] = [];
    const forget = engine.onEvent((event) => {
      if (event.event !== 'progress') return;
      told.push(event.progress);
      void engine.request('stop', {});
    });
    await expect(engine.request('start', settings)).rejects.toThrow(/packing the experts was cancelled/);
    forget();
    expect(told[0]).toMatchObject({ task: 'start', text: 'Packing experts' });
    const begun = await engine.request('packs', {});
    expect(begun.packs).toMatchObject([{ complete: false, inUse: false }]);
    await engine.request('start', settings);
    expect((await engine.request('packs', {})).packs).toMatchObject([
      { complete: true, inUse: true, precision: 'int4' },
    ]);
    expect((await engine.request('emptyPacks', {})).kept).toHaveLength(1);
    await engine.request('stop', {});
    expect((await engine.request('emptyPacks', {})).packs).toEqual([]);
    await engine.close();
  }, 120_000);
});
