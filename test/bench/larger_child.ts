import { readFileSync } from 'node:fs';
import { describeMachine } from '../../engine/coordinator/machine.ts';
import { openModel } from '../../engine/coordinator/open_model.ts';
import { startRun } from '../../engine/coordinator/run_start.ts';
import { benchSettings } from './engine_run.ts';

export interface LargerModel {
  readonly openMs: number;
  readonly loadMs: number;
  readonly stepMs: number;
  readonly peakRssBytes: number;
  readonly estimatedBytes: number;
  readonly measuredBytes: number;
  readonly loads: number;
}

/** The measured process: opens the model, loads what every step needs, takes one step. Prints what it took as JSON. */
export async function largerChild({
  folder,
  rankEntry,
  tempDir,
  budgetBytes,
}: {
  folder: string;
  rankEntry: string;
  tempDir: string;
  budgetBytes: number;
}): Promise<void> {
  const begunMs = performance.now();
  const model = openModel(folder);
  const openMs = performance.now() - begunMs;
  let loads = 0;
  let stepMs = 0;
  const settings = benchSettings({
    devices: [{ id: 'cpu:0', budgetBytes }],
    precision: { experts: 'stored', dense: 'int8' },
    cacheSlots: 2,
    prompts: { kind: 'texts', texts: ['Once upon a time'] },
    ...{ batch: 1, promptCount: 1, promptTokens: 4, newTokens: 1 },
  });
  const run = await startRun(
    { model, settings, machine: describeMachine(), rankEntry, runsDir: tempDir, packsDir: tempDir },
    {
      changed: () => undefined,
      warn: () => undefined,
      frame: ({ totals, steps }) => {
        loads = totals.loads;
        for (const ms of steps.durationMs.subarray(0, steps.count)) stepMs += ms;
      },
    },
  );
  const loadMs = performance.now() - begunMs - openMs;
  const error = await run.ended;
  if (error !== undefined) throw error;
  const [memory] = run.memory();
  const result: LargerModel = {
    ...{ openMs, loadMs, stepMs, loads, peakRssBytes: peakRss() },
    estimatedBytes: memory?.estimatedTotal ?? 0,
    measuredBytes: memory?.measuredTotal ?? 0,
  };
  process.stdout.write(JSON.stringify(result));
}

function peakRss(): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  if (line === null) throw new Error('/proc/self/status has no VmHWM');
  return Number(line[1]) * 1024;
}
