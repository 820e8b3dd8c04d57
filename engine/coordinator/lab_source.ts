import path from 'node:path';
import { EngineRefusal } from '../api.ts';
import type { LabSource, LabSubject } from '../protocol/labs.ts';
import type { RunRecording } from '../protocol/run_recording.ts';
import type { GrowingRun } from '../report/growing_run.ts';
import { toTrace } from '../report/recording.ts';
import { readRun } from '../report/run_reader.ts';
import { readTraceFile } from '../report/trace_file.ts';
import type { RoutingTrace } from '../trace/trace.ts';

/** What a trace file says in `source` that a generator wrote. */
const SYNTHETIC = 'synthetic';

/** What a lab works on. */
export interface LabMaterial {
  readonly subject: LabSubject;
  readonly trace: RoutingTrace;
  /** Blocks of the model, where the source tells. */
  readonly blockCount?: number;
  /** Settings and measurements, where the source is a run of this studio. */
  readonly recording?: RunRecording;
}

/**
 * Opens what a lab was asked about. A run in progress is read from its file, which has every whole step.
 * @param live run file of the run in progress or just ended
 * @throws EngineRefusal where there is no such run or file, or nothing in it
 */
export async function openLabSource(source: LabSource, live: GrowingRun | undefined): Promise<LabMaterial> {
  if (source.kind === 'trace') return fromTrace(source.path);
  if (source.kind === 'run') return fromRun(source, source.path, await readWhole(source.path));
  if (live === undefined) throw new EngineRefusal('There is no run yet; start one, or open a run file or a trace.');
  return fromRun(source, live.file, await live.read());
}

async function readWhole(file: string) {
  const recording = await readRun(file);
  return { recording, trace: toTrace(recording) };
}

function fromRun(
  source: LabSource,
  file: string,
  { recording, trace }: { readonly recording: RunRecording; readonly trace: RoutingTrace },
): LabMaterial {
  const { header } = recording;
  refuseEmpty(trace, file);
  return {
    subject: {
      source: source.kind,
      name: header.id,
      model: header.model.name,
      ...counted(trace),
      moeLayers: header.model.moeLayers,
      devices: header.devices.length,
      routing: 'recorded',
    },
    trace,
    blockCount: header.model.layers,
    recording,
  };
}

function fromTrace(file: string): LabMaterial {
  const { meta, trace } = readTraceFile(file);
  refuseEmpty(trace, file);
  const moeLayers = Array.from({ length: meta.moeLayers }, (_, layer) => ({
    stack: 'decoder' as const,
    block: meta.blocks?.[layer] ?? layer,
  }));
  return {
    subject: {
      source: 'trace',
      name: path.basename(file),
      model: meta.model,
      ...counted(trace),
      moeLayers,
      devices: 1,
      routing: meta.source === SYNTHETIC ? 'synthetic' : 'recorded',
    },
    trace,
  };
}

const counted = ({ steps, tokens, experts, topK }: RoutingTrace) => ({ steps, tokens, experts, topK });

function refuseEmpty({ steps }: RoutingTrace, file: string): void {
  if (steps === 0)
    throw new EngineRefusal(`${path.basename(file)}: there is no whole step in it; choose a longer one.`);
}
