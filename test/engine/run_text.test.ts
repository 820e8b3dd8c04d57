import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { describeMachine } from '../../engine/coordinator/machine.ts';
import type { OpenModel } from '../../engine/coordinator/open_model.ts';
import { startRun } from '../../engine/coordinator/run_start.ts';
import type { TextDelta } from '../../engine/protocol/telemetry.ts';
import { RANK_ENTRY, TINY, tinyModel, tinyPairModel } from './tiny_run.ts';

async function deltas(model: OpenModel): Promise<TextDelta[]> {
  const all: TextDelta[] = [];
  const run = await startRun(
    {
      model,
      settings: { ...TINY, batch: 2, promptCount: 7 },
      machine: describeMachine(),
      rankEntry: RANK_ENTRY,
      runsDir: mkdtempSync(path.join(tmpdir(), 'moe-text-')),
      packsDir: tmpdir(),
    },
    { changed: () => undefined, warn: () => undefined, frame: ({ text }) => all.push(...text) },
  );
  const error = await run.ended;
  if (error !== undefined) throw error;
  return all;
}

it.each([
  ['language model', tinyModel()],
  ['encoder-decoder', tinyPairModel('nllb_moe')],
])('text of a row comes sequence by sequence, each begun with its prompt and ended, %s', async (_, model) => {
  const current = new Map<number, number>();
  const open = new Set<number>();
  for (const { row, sequence, prompt, done, isSource } of await deltas(model)) {
    if (prompt !== undefined) {
      expect(open.has(current.get(row) ?? -1)).toBe(false);
      expect(isSource === true).toBe(model.translation !== undefined);
      current.set(row, sequence);
      open.add(sequence);
    }
    expect(current.get(row)).toBe(sequence);
    if (done) open.delete(sequence);
  }
  expect(open.size).toBe(0);
});
