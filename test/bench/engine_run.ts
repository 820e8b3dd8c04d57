import { mkdtempSync } from 'node:fs';
import path from 'node:path';
import { describeMachine } from '../../engine/coordinator/machine.ts';
import { openModel } from '../../engine/coordinator/open_model.ts';
import type { Run } from '../../engine/coordinator/run.ts';
import { RunRecorder } from '../../engine/coordinator/run_recorder.ts';
import { startRun } from '../../engine/coordinator/run_start.ts';
import { CACHE_COUNTERS, PHASE_DECODE, type StepRow } from '../../engine/coordinator/step_row.ts';
import { DEFAULT_RUN, type RunSettings } from '../../engine/protocol/settings.ts';
import type { BenchContext } from './bench.ts';

export interface MeasuredStep extends StepRow {
  /** From the end of the step before to the end of this one: everything that happens per step is in it. */
  readonly wallMs: number;
  readonly loads: number;
}

export interface MeasuredRun {
  readonly steps: readonly MeasuredStep[];
  /** First step after the last change of settings. */
  readonly settledAt: number;
}

type RunPaths = Pick<BenchContext, 'rankEntry' | 'tempDir'>;

/** Settings of a bench run: greedy, no early end, so that every run of the same settings does the same work. */
export const benchSettings = (settings: Partial<RunSettings>): RunSettings => ({
  ...DEFAULT_RUN,
  temperature: 0,
  ignoreEnd: true,
  ...settings,
});

export const cpuDevices = (count: number): RunSettings['devices'] =>
  Array.from({ length: count }, (_, index) => ({ id: `cpu:${index}` }));

/**
 * A whole run of the product's own coordinator, with its rank threads, run file and live replay, as the window or the command line
 * starts it; returns what every step measured.
 */
export async function measureRun(
  paths: RunPaths,
  modelDir: string,
  settings: Partial<RunSettings>,
): Promise<MeasuredRun> {
  const rows: StepRow[] = [];
  const stop = watchRecorder((row) => rows.push(row));
  try {
    const run = await startBenchRun(paths, modelDir, settings);
    const error = await run.ended;
    if (error !== undefined) throw error;
    return { steps: withWallTimes(rows), settledAt: run.marks.at(-1)?.step ?? 0 };
  } finally {
    stop();
  }
}

export function startBenchRun(
  { rankEntry, tempDir }: RunPaths,
  modelDir: string,
  settings: Partial<RunSettings>,
): Promise<Run> {
  return startRun(
    {
      model: openModel(modelDir),
      settings: benchSettings(settings),
      machine: describeMachine(),
      rankEntry,
      runsDir: mkdtempSync(path.join(tempDir, 'runs-')),
      packsDir: tempDir,
    },
    { frame: () => undefined, changed: () => undefined, warn: () => undefined },
  );
}

/**
 * Shows each step as it is recorded. The run file leaves out the time inside ONNX Runtime, and frames merge steps, so the rows are
 * caught on their way into the recorder, which goes on to write them.
 */
function watchRecorder(seen: (row: StepRow) => void): () => void {
  const { step } = RunRecorder.prototype;
  RunRecorder.prototype.step = function (row, texts) {
    seen(row);
    step.call(this, row, texts);
  };
  return () => {
    RunRecorder.prototype.step = step;
  };
}

function withWallTimes(rows: readonly StepRow[]): MeasuredStep[] {
  return rows.map((row, index) => {
    let loads = 0;
    for (let at = 2; at < row.cache.length; at += CACHE_COUNTERS) loads += row.cache[at] as number;
    return { ...row, loads, wallMs: row.endMs - (rows[index - 1]?.endMs ?? row.endMs - row.durationMs) };
  });
}

/** Steps in which every expert wanted was resident. The first is left out: nothing has been compiled yet. */
export const warmSteps = ({ steps, settledAt }: MeasuredRun): MeasuredStep[] =>
  steps.filter((row) => row.loads === 0 && row.step > settledAt);

/** Warm steps in which `batch` sequences decoded and nothing else happened. */
export const decodeSteps = (run: MeasuredRun, batch: number): MeasuredStep[] =>
  warmSteps(run).filter((row) => row.tokens === batch && row.phase.every((phase) => phase === PHASE_DECODE));

export function tokensPerSecond(steps: readonly MeasuredStep[]): number {
  let tokens = 0;
  let wallMs = 0;
  for (const row of steps) {
    tokens += row.tokens;
    wallMs += row.wallMs;
  }
  return (tokens / wallMs) * 1000;
}
