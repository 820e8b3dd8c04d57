import { readFileSync } from 'node:fs';
import { describeMachine } from '../../engine/coordinator/machine.ts';
import { openModel } from '../../engine/coordinator/open_model.ts';
import type { Run } from '../../engine/coordinator/run.ts';
import { startRun } from '../../engine/coordinator/run_start.ts';
import type { CacheSlots } from '../../engine/protocol/settings.ts';
import { CATEGORY_COUNT, LEDGER_CATEGORIES, type TelemetryFrame } from '../../engine/protocol/telemetry.ts';
import { benchSettings, cpuDevices } from './engine_run.ts';

export interface MemoryPoint {
  readonly slots: CacheSlots;
  /** VmRSS of the process. */
  readonly rssBytes: number;
  /** The ledger's experts line at the end of the last step. */
  readonly expertBytes: number;
}

/** The experts line has not changed for this many steps: whatever the size allows has been loaded. */
const QUIET_STEPS = 12;
const SETTLE_MS = 120_000;

/** The measured process: one run, its cache resized while it generates. Prints the three points as JSON. */
export async function memoryChild({
  folder,
  rankEntry,
  tempDir,
}: {
  folder: string;
  rankEntry: string;
  tempDir: string;
}): Promise<void> {
  const ledger = new ExpertsLine();
  const settings = benchSettings({
    devices: cpuDevices(1),
    cacheSlots: 'all',
    prompts: { kind: 'sample', name: 'english' },
    batch: 16,
    promptCount: 100_000,
    promptTokens: 32,
    newTokens: 32,
    chat: false,
    temperature: 1,
    topK: 50,
    topP: 1,
    repetitionPenalty: 1,
  });
  const options = {
    model: openModel(folder),
    settings,
    machine: describeMachine(),
    rankEntry,
    runsDir: tempDir,
    packsDir: tempDir,
  };
  const run = await startRun(options, {
    changed: () => undefined,
    warn: () => undefined,
    frame: (frame) => ledger.see(frame),
  });
  const points: MemoryPoint[] = [];
  for (const slots of ['all', 2, 'all'] as const) {
    if (points.length > 0) ledger.from(await run.change({ cacheSlots: slots }));
    points.push({ slots, expertBytes: await ledger.quiet(run), rssBytes: readRss() });
  }
  await run.stop();
  process.stdout.write(JSON.stringify(points));
}

/** Follows the experts line of one device through the telemetry. */
class ExpertsLine {
  private bytes = 0;
  private sinceStep = 0;
  private lastStep = 0;
  private fromStep = 0;

  see({ steps }: TelemetryFrame): void {
    for (let i = 0; i < steps.count; i++) {
      const step = steps.step[i] as number;
      const bytes = steps.ledgerBytes[i * CATEGORY_COUNT + LEDGER_CATEGORIES.indexOf('experts')] as number;
      if (bytes !== this.bytes) this.sinceStep = step;
      this.bytes = bytes;
      this.lastStep = step;
    }
  }

  from(step: number): void {
    this.fromStep = step;
  }

  async quiet(run: Run): Promise<number> {
    const deadline = performance.now() + SETTLE_MS;
    while (this.lastStep - Math.max(this.sinceStep, this.fromStep) < QUIET_STEPS) {
      if (run.state !== 'running') throw new Error(`the run is ${run.state}`);
      if (performance.now() > deadline)
        throw new Error(`the experts line does not settle: ${this.bytes} bytes at step ${this.lastStep}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return this.bytes;
  }
}

function readRss(): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  if (line === null) throw new Error('/proc/self/status has no VmRSS');
  return Number(line[1]) * 1024;
}
