import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { TextTokenizer } from '../../engine/checkpoint/tokenizer.ts';
import { describeMachine } from '../../engine/coordinator/machine.ts';
import { inspectModel, type OpenModel } from '../../engine/coordinator/open_model.ts';
import { startRun } from '../../engine/coordinator/run_start.ts';
import type { RunRecording } from '../../engine/protocol/run_recording.ts';
import type { LivePatch, RunSettings } from '../../engine/protocol/settings.ts';
import type { TelemetryFrame } from '../../engine/protocol/telemetry.ts';
import { readRun } from '../../engine/report/run_reader.ts';

/** Of every fixture that is run. */
const VOCAB = 97;
export const RANK_ENTRY = path.resolve('out/main/rank.cjs');

/** A letter a token: the fixture has no tokenizer, and the laws need none. */
const LETTERS: TextTokenizer = {
  encode: (text) => Array.from(text, (letter) => letter.charCodeAt(0) % VOCAB),
  encodeRaw: (text) => LETTERS.encode(text),
  stream: () => ({ push: (id) => String.fromCharCode(0x4e00 + id), flush: () => '' }),
};

export function tinyModel(folder = 'test/fixtures/olmoe'): OpenModel {
  const { spec, summary } = inspectModel(folder);
  return { spec, summary, tokenizer: LETTERS, endTokens: new Set([1]) };
}

/** A fixture of an encoder-decoder, with the two languages of a translation model. */
export function tinyPairModel(name: 'nllb_moe' | 'switch'): OpenModel {
  const { spec, summary } = inspectModel(`test/fixtures/${name}`);
  const targets = new Map([
    ['fra_Latn', 5],
    ['deu_Latn', 6],
  ]);
  const translation = { startToken: spec.decoderStartToken ?? 0, targets };
  return { spec, summary, tokenizer: LETTERS, endTokens: new Set([1]), translation };
}

export const TINY: RunSettings = {
  cacheSlots: 'all',
  cacheScope: 'layer',
  eviction: 'lifo',
  copyAfterRows: 0,
  prefetch: 'off',
  placement: 'contiguous',
  rebalanceEvery: 0,
  batch: 3,
  devices: [{ id: 'cpu:0', budgetBytes: 64 << 20 }],
  gating: 'dynamic',
  capacity: 1,
  tutelFactor: 0,
  precision: { experts: 'stored', dense: 'stored' },
  prompts: { kind: 'texts', texts: ['hello there', 'the second prompt is longer', 'x', 'fourth one'] },
  promptCount: 6,
  promptTokens: 24,
  newTokens: 16,
  chat: false,
  temperature: 0,
  topK: 50,
  topP: 1,
  repetitionPenalty: 1,
  seed: 1,
  ignoreEnd: false,
};

export const devices = (count: number): RunSettings['devices'] =>
  Array.from({ length: count }, (_, index) => ({ id: `cpu:${index}`, budgetBytes: 64 << 20 }));

/** Runs to the end, asking for each change once a frame has shown that many steps; returns what the run file holds. */
export async function runTiny(
  settings: Partial<RunSettings> = {},
  changes: readonly { afterSteps: number; patch: LivePatch }[] = [],
  model: OpenModel = tinyModel(),
  rankEntry = RANK_ENTRY,
): Promise<{ recording: RunRecording; audit: TelemetryFrame['audit'] }> {
  const runsDir = mkdtempSync(path.join(tmpdir(), 'moe-run-'));
  const waiting = [...changes].sort((a, b) => a.afterSteps - b.afterSteps);
  let audit: TelemetryFrame['audit'];
  const run = await startRun(
    {
      model,
      settings: { ...TINY, ...settings },
      machine: describeMachine(),
      rankEntry,
      runsDir,
      packsDir: path.join(runsDir, 'packs'),
    },
    {
      changed: () => undefined,
      warn: () => undefined,
      frame: (frame) => {
        audit = frame.audit ?? audit;
      },
    },
  );
  // Stepping by hand pins the step at which a change comes; the change itself is what lets the next step go.
  const total = () => run.steps;
  run.pause();
  while (run.state === 'paused') {
    const [next] = waiting;
    if (next !== undefined && total() >= next.afterSteps) {
      waiting.shift();
      await run.change(next.patch).catch((error: Error) => {
        if (run.state === 'paused') throw error;
      });
      continue;
    }
    if (next === undefined) run.resume();
    else {
      const before = total();
      run.stepOnce();
      // Not by setImmediate: looking without a rest would take a core from the ranks.
      while (total() === before && run.state === 'paused') await setTimeout(1);
    }
  }
  const error = await run.ended;
  if (error !== undefined) throw error;
  return { recording: await readRun(run.info().path), audit };
}

/** Token ids by sequence. */
export function emitted(recording: RunRecording): Map<number, number[]> {
  const tokens = new Map<number, number[]>();
  for (const step of recording.steps) {
    for (const [sequence, token] of step.emitted) tokens.set(sequence, [...(tokens.get(sequence) ?? []), token]);
  }
  return tokens;
}

/** What is in force at a step. */
export const inForce = ({ settings }: RunRecording, step: number) =>
  settings.filter(({ atStep }) => atStep <= step).at(-1) as RunRecording['settings'][number];
