import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeMachine } from '../../engine/coordinator/machine.ts';
import { openModel } from '../../engine/coordinator/open_model.ts';
import { startRun } from '../../engine/coordinator/run_start.ts';
import type { RunSettings } from '../../engine/protocol/settings.ts';
import { DEFAULT_RUN } from '../../engine/protocol/settings.ts';
import { readRun } from '../../engine/report/run_reader.ts';
import { readTensor } from './read_tensor.ts';
import { devices, emitted, RANK_ENTRY } from './tiny_run.ts';

const DEMO = 'models/demo-mt';
const REFERENCE = `${DEMO}/reference.safetensors`;
const lines = readFileSync(`${DEMO}/samples/eng.txt`, 'utf8').split('\n');

async function translate(settings: Partial<RunSettings>) {
  const model = openModel(DEMO);
  const run = await startRun(
    {
      model,
      settings: { ...DEFAULT_RUN, temperature: 0, newTokens: 48, promptTokens: 200, ...settings },
      machine: describeMachine(),
      rankEntry: RANK_ENTRY,
      runsDir: mkdtempSync(path.join(tmpdir(), 'moe-mt-')),
      packsDir: tmpdir(),
    },
    { frame: () => undefined, changed: () => undefined, warn: () => undefined },
  );
  const error = await run.ended;
  if (error !== undefined) throw error;
  return readRun(run.info().path);
}

describe('greedy translation by the demo model', () => {
  it.each([
    [1, 'all', 2],
    [2, 5, 5],
  ] as const)(
    'on %i devices with %s slots gives the tokens of the reference',
    async (count, cacheSlots, batch) => {
      for (const [language, cases] of [
        ['fra_Latn', [0, 1, 2, 3, 4]],
        ['deu_Latn', [0, 1, 2, 3, 4]],
      ] as const) {
        const model = openModel(DEMO);
        const wanted = cases.filter(
          (j) =>
            readTensor(REFERENCE, `gen${j}.forced_bos_token_id`).values[0] === model.translation?.targets.get(language),
        );
        const texts = wanted.map((j) => lines[6 + j] as string);
        for (const [index, j] of wanted.entries())
          expect(model.tokenizer.encode(texts[index] as string)).toEqual(
            readTensor(REFERENCE, `gen${j}.input_ids`).values,
          );
        const recording = await translate({
          ...{ cacheSlots, batch, devices: devices(count).map(({ id }) => ({ id })), targetLanguage: language },
          ...{ prompts: { kind: 'texts', texts }, promptCount: texts.length },
        });
        const tokens = emitted(recording);
        for (const [index, j] of wanted.entries()) {
          const [, forced, ...rest] = readTensor(REFERENCE, `gen${j}.output_ids`).values;
          expect(forced).toBe(model.translation?.targets.get(language));
          expect(tokens.get(index)).toEqual(rest);
        }
      }
    },
    60_000,
  );
});
