import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { GatingSettings } from '../protocol/settings.ts';
import { readTraceFile } from '../report/trace_file.ts';
import type { RoutingTrace } from '../trace/trace.ts';
import type { PaperShape } from './shapes.ts';
import { writeSyntheticModel } from './synthetic_model.ts';
import type { Density } from './synthetic_tensors.ts';
import { Trial } from './trial.ts';

export const DYNAMIC: GatingSettings = { gating: 'dynamic', capacity: 1, tutelFactor: 0 };
export const SEED = 20_241_210;

/** Real traces whose skew the synthetic routers get: as many experts and choices as there is a trace for. */
const SKEW_TRACE: Record<PaperShape['id'], string> = {
  lm: 'kimi-linear-300.jsonl.gz',
  'lm-small': 'gpt-oss-120b-64.jsonl.gz',
  mt: 'gpt-oss-120b-64.jsonl.gz',
};

/** Where a reproduction works: models are written once a run, into a folder that is removed after it. */
export class Workshop {
  private readonly written = new Map<string, string>();
  private readonly trials = new Map<string, Promise<Trial>>();
  private readonly traces = new Map<string, RoutingTrace>();

  constructor(
    private readonly folder: string,
    private readonly tracesDir: string,
    readonly log: (line: string) => void,
  ) {}

  /** Folder of a scaled shape's checkpoint. */
  model(shape: PaperShape, density: Density): string {
    const key = `${shape.id}-${density}`;
    const known = this.written.get(key);
    if (known !== undefined) return known;
    const folder = path.join(this.folder, key);
    this.log(`writing ${key}`);
    mkdirSync(folder, { recursive: true });
    writeSyntheticModel(folder, shape, density, this.trace(SKEW_TRACE[shape.id]), SEED);
    this.written.set(key, folder);
    return folder;
  }

  /** The scaled shape, opened with dynamic gating; the same one each time, closed with the workshop. */
  async trial(shape: PaperShape, density: Density = 'moe'): Promise<Trial> {
    const key = `${shape.id}-${density}`;
    let trial = this.trials.get(key);
    if (trial === undefined) {
      trial = Trial.open(this.model(shape, density), DYNAMIC);
      this.trials.set(key, trial);
    }
    const open = await trial;
    await open.use(DYNAMIC);
    return open;
  }

  async close(): Promise<void> {
    for (const trial of this.trials.values()) await (await trial).close();
    this.trials.clear();
  }

  /** A recorded trace by its file name. */
  trace(name: string): RoutingTrace {
    let trace = this.traces.get(name);
    if (trace === undefined) {
      trace = readTraceFile(path.join(this.tracesDir, name)).trace;
      this.traces.set(name, trace);
    }
    return trace;
  }

  skewTrace(shape: PaperShape): RoutingTrace {
    return this.trace(SKEW_TRACE[shape.id]);
  }
}
