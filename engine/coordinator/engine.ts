import path from 'node:path';
import { type Dispose, type Engine, EngineRefusal } from '../api.ts';
import { emptyPacks, listPacks } from '../checkpoint/pack/pack_folder.ts';
import { chooseDevices, listDevices } from '../device/discovery.ts';
import {
  BUNDLED_MODELS,
  type EngineEvent,
  type EngineSnapshot,
  type Method,
  type Params,
  PROTOCOL_VERSION,
  type Results,
  type RunState,
} from '../protocol/messages.ts';
import type { MachineInfo } from '../protocol/model.ts';
import type { RunSettings } from '../protocol/settings.ts';
import type { TelemetryFrame } from '../protocol/telemetry.ts';
import { replayCaches } from '../replay/replay_cache.ts';
import { toTimeline, toTrace } from '../report/recording.ts';
import { reportFileName, reportHtml } from '../report/report_html.ts';
import { reportJson } from '../report/report_json.ts';
import { readRun } from '../report/run_reader.ts';
import { EXPORTER } from '../report/run_writer.ts';
import { packingPause } from './expert_pack.ts';
import { fitModel } from './fit.ts';
import type { LabSteps } from './gating_lab.ts';
import { Labs } from './labs.ts';
import { LinkSpeeds } from './link_speeds.ts';
import { listRuns } from './list_runs.ts';
import { listTraces } from './list_traces.ts';
import { noteLoadRate, readLoadRate } from './load_rate.ts';
import { describeMachine } from './machine.ts';
import { inspectModel, type OpenModel, openModel } from './open_model.ts';
import type { Run } from './run.ts';
import { auditOf } from './run_audit.ts';
import { startRun } from './run_start.ts';

export interface EngineOptions {
  /** Run files go to its `runs` folder. */
  readonly dataDir: string;
  /** Holds the bundled models. */
  readonly modelsDir: string;
  /** Bundle of rank/worker.ts. */
  readonly rankEntry: string;
  /** Bundle of device/link_worker.ts. */
  readonly linkEntry: string;
}

/** Answered beside a run and beside each other: they change nothing, and can take a while. */
const BESIDE: ReadonlySet<Method> = new Set([
  'devices',
  'inspectModel',
  'cacheLab',
  'expertsMap',
  'expertLife',
  'placementLab',
  'placementExport',
  'gatingLab',
  'precisionLab',
  'cancelLab',
  'packs',
]);

/** Who asks for one of these does not wait for what a start does first: packing experts takes minutes. */
const ENDS_STARTING: ReadonlySet<Method> = new Set(['stop', 'start', 'openModel', 'openBundledModel']);

/** A run takes the processor, or is about to. */
const BUSY: ReadonlySet<RunState> = new Set<RunState>(['opening', 'starting', 'running', 'paused', 'stopping']);

type Handlers = { [M in Method]: (params: Params<M>) => Promise<Results[M]> | Results[M] };

/**
 * The engine in this process: a model, a run, and what is asked of them. Requests that change something are served one after
 * the other; a run goes on in between.
 */
export function createEngine(options: EngineOptions): Engine & { close(): Promise<void> } {
  return new LocalEngine(options);
}

class LocalEngine implements Engine {
  private readonly machine: MachineInfo = describeMachine();
  private readonly eventListeners = new Set<(event: EngineEvent) => void>();
  private readonly frameListeners = new Set<(frame: TelemetryFrame) => void>();
  private readonly labs = new Labs(
    () => this.run?.info().path,
    (progress) => this.emit({ event: 'progress', progress }),
  );
  private readonly runsDir: string;
  private readonly packsDir: string;
  private readonly links: LinkSpeeds;
  /** Ends what a start does before its run is there. */
  private starting: AbortController | undefined;
  private model: OpenModel | undefined;
  private run: Run | undefined;
  private phase: RunState = 'empty';
  private error: string | undefined;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: EngineOptions) {
    this.runsDir = path.join(options.dataDir, 'runs');
    this.packsDir = path.join(options.dataDir, 'packs');
    this.links = new LinkSpeeds(options.dataDir, options.linkEntry);
  }

  onEvent(listener: (event: EngineEvent) => void): Dispose {
    this.eventListeners.add(listener);
    return () => this.eventListeners.delete(listener);
  }

  onFrame(listener: (frame: TelemetryFrame) => void): Dispose {
    this.frameListeners.add(listener);
    return () => this.frameListeners.delete(listener);
  }

  request<M extends Method>(method: M, params: Params<M>): Promise<Results[M]> {
    const handler = this.handlers[method] as (params: Params<M>) => Promise<Results[M]> | Results[M];
    if (BESIDE.has(method)) return Promise.resolve(params).then(handler);
    if (ENDS_STARTING.has(method)) this.starting?.abort();
    const answer = this.queue.then(() => handler(params));
    // Stop and pause must not wait behind a change that only the next step can serve: change resolves by itself.
    if (method !== 'change') this.queue = answer.catch(() => undefined);
    return answer;
  }

  async close(): Promise<void> {
    this.starting?.abort();
    this.labs.stopMeasuring();
    await this.run?.stop();
  }

  private readonly handlers: Handlers = {
    hello: ({ protocol }) => {
      if (protocol !== PROTOCOL_VERSION) {
        throw new EngineRefusal(
          `hello: the window speaks protocol ${protocol} and the engine ${PROTOCOL_VERSION}; restart the studio.`,
        );
      }
      const version = EXPORTER.split(' ')[1] ?? '';
      return { protocol: PROTOCOL_VERSION, version, machine: this.machine, snapshot: this.snapshot(), writer: true };
    },
    devices: async () => this.links.told(await listDevices()),
    inspectModel: async ({ path: folder, settings }) => {
      const devices = this.links.toldOfChosen(await chooseDevices(settings.devices));
      const rate = readLoadRate(this.options.dataDir);
      return fitModel(inspectModel(folder), devices, { ...settings, devices: devices.length }, rate);
    },
    openModel: ({ path: folder }) => this.open(folder),
    openBundledModel: ({ name = BUNDLED_MODELS[0] }) => this.open(path.join(this.options.modelsDir, name)),
    start: (settings) => this.start(settings),
    pause: () => this.withRun((run) => run.pause()),
    resume: () => this.withRun((run) => run.resume()),
    step: () => this.withRun((run) => run.stepOnce()),
    stop: async () => {
      await this.run?.stop();
      return {};
    },
    change: async (patch) => {
      const { run } = this;
      if (run === undefined || run.state === 'finished' || run.state === 'failed') {
        throw new EngineRefusal('change: no run is in progress; the setting applies when one is started.');
      }
      return { atStep: await run.change(patch) };
    },
    report: async ({ format }) => {
      if (this.run === undefined) throw new EngineRefusal('report: there is no run yet; start one first.');
      const recording = await readRun(this.run.info().path);
      const content = format === 'html' ? reportHtml(recording) : reportJson(recording);
      return { fileName: reportFileName(recording.header, format), content };
    },
    runFile: async ({ path: file }) => {
      const recording = await readRun(file);
      const { header, steps, complete } = recording;
      return {
        id: header.id,
        path: file,
        model: header.model.name,
        startedAt: header.createdAt,
        steps: steps.length,
        complete,
        audit: auditOf(recording, replayCaches(toTrace(recording), toTimeline(recording))),
      };
    },
    runs: () => ({ runs: listRuns(this.runsDir), traces: listTraces(this.options.modelsDir) }),
    cacheLab: (params) => this.labs.cacheLab(params),
    expertsMap: (params) => this.labs.expertsMap(params),
    expertLife: (params) => this.labs.expertLife(params),
    placementLab: (params) => this.labs.placementLab(params),
    placementExport: (params) => this.labs.placementExport(params),
    gatingLab: (params) => this.labs.gatingLab(this.modelToMeasure('gatingLab'), params, this.steps('gatingLab')),
    precisionLab: (params) =>
      this.labs.precisionLab(this.modelToMeasure('precisionLab'), params, {
        ...this.steps('precisionLab'),
        packsDir: this.packsDir,
      }),
    cancelLab: () => this.labs.cancel(),
    packs: () => ({ folder: this.packsDir, packs: listPacks(this.packsDir) }),
    emptyPacks: () => {
      const { removed, kept } = emptyPacks(this.packsDir);
      return { folder: this.packsDir, packs: listPacks(this.packsDir), removed, kept };
    },
  };

  private async open(folder: string): Promise<Results['openModel']> {
    this.labs.stopMeasuring();
    await this.run?.stop();
    this.become('opening');
    try {
      this.model = openModel(folder);
      this.run = undefined;
    } finally {
      this.become(this.model === undefined ? 'empty' : 'ready');
    }
    return this.model.summary;
  }

  private async start(settings: RunSettings): Promise<Results['start']> {
    const { model, options, machine, runsDir } = this;
    if (model === undefined) throw new EngineRefusal('start: no model is open; open one first.');
    this.labs.stopMeasuring();
    await this.run?.stop();
    this.run = undefined;
    const starting = new AbortController();
    this.starting = starting;
    this.become('starting');
    try {
      const run = await startRun(
        {
          ...{ model, settings, machine, rankEntry: options.rankEntry, runsDir, packsDir: this.packsDir },
          packing: packingPause(starting.signal, (fraction, text) =>
            this.emit({ event: 'progress', progress: { task: 'start', fraction, text } }),
          ),
          signal: starting.signal,
          links: this.links,
          progress: (fraction) =>
            this.emit({
              event: 'progress',
              progress: { task: 'start', fraction, text: 'Loading all but the experts' },
            }),
          loaded: (bytes, ms) => noteLoadRate(options.dataDir, bytes, ms),
        },
        {
          frame: (frame) => this.sendFrame(frame),
          changed: () => this.announce(),
          warn: (line) => this.emit({ event: 'log', level: 'warn', line }),
        },
      );
      this.run = run;
      this.announce();
      run.ended.then((error) => {
        if (error !== undefined && this.run === run) this.fail(error);
      });
      return run.info();
    } catch (error) {
      this.become('ready');
      throw error;
    } finally {
      this.starting = undefined;
    }
  }

  private fail(error: Error): void {
    this.error = error.message;
    this.emit({ event: 'log', level: 'error', line: error.message });
    this.announce();
  }

  /** What a lab times it on: the cores that a run would use, so not beside one. */
  private modelToMeasure(task: 'gatingLab' | 'precisionLab'): OpenModel {
    const { model } = this;
    if (model === undefined) throw new EngineRefusal(`${task}: no model is open; open one first.`);
    if (BUSY.has(this.run?.state ?? this.phase)) {
      throw new EngineRefusal(`${task}: a run is in progress and would share the processor; stop it first.`);
    }
    return model;
  }

  private steps(task: 'gatingLab' | 'precisionLab'): Pick<LabSteps, 'rankEntry' | 'pause'> {
    return {
      rankEntry: this.options.rankEntry,
      pause: async (fraction, text) => this.emit({ event: 'progress', progress: { task, fraction, text } }),
    };
  }

  private withRun(action: (run: Run) => void): Record<string, never> {
    if (this.run === undefined) throw new EngineRefusal('There is no run; start one first.');
    action(this.run);
    return {};
  }

  private become(phase: RunState): void {
    this.phase = phase;
    this.error = undefined;
    this.announce();
  }

  private snapshot(): EngineSnapshot {
    const { run, model } = this;
    return {
      state: run?.state ?? this.phase,
      ...(model && { model: model.summary }),
      ...(run && { run: run.info() }),
      marks: run === undefined ? [] : [...run.marks],
      ...(this.error !== undefined && { error: this.error }),
    };
  }

  private announce(): void {
    this.emit({ event: 'snapshot', snapshot: this.snapshot() });
  }

  private emit(event: EngineEvent): void {
    for (const listener of this.eventListeners) listener(event);
  }

  private sendFrame(frame: TelemetryFrame): void {
    for (const listener of this.frameListeners) listener(frame);
  }
}
