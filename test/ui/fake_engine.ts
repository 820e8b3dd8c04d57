import { type Dispose, type Engine, EngineRefusal } from '../../engine/api.ts';
import {
  type EngineEvent,
  type EngineSnapshot,
  type Method,
  type Params,
  PROTOCOL_VERSION,
  type Results,
  type RunState,
  type SettingsMark,
} from '../../engine/protocol/messages.ts';
import type { ModelSummary } from '../../engine/protocol/model.ts';
import type { RunSettings } from '../../engine/protocol/settings.ts';
import type { TelemetryFrame } from '../../engine/protocol/telemetry.ts';
import { fakeExpected, fakeFit } from './fake_fit.ts';
import { fakeGating } from './fake_gating.ts';
import { fakeCacheTable, fakeExpertLife, fakeExpertsMap } from './fake_labs.ts';
import { fakeDevices, fakeMachine } from './fake_machine.ts';
import { DEMO_MODEL } from './fake_model.ts';
import { fakePrecision } from './fake_precision.ts';
import { FakeTelemetry } from './fake_telemetry.ts';
import type { FakeStep } from './fake_workload.ts';

const MIB = 2 ** 20;

const RECORDED_RUNS: Results['runs']['runs'] = [
  {
    id: 'run-0',
    path: '/runs/run-0.json',
    model: 'demo-lm',
    startedAt: '2026-01-01T00:00:00Z',
    steps: 4096,
    complete: true,
  },
];

export interface FakeOptions {
  readonly budgetBytes: number;
  /** CPU devices offered. */
  readonly cores: number;
  /** Milliseconds of simulated time per frame. */
  readonly frameMs: number;
}

export const FAKE_OPTIONS: FakeOptions = { budgetBytes: 96 * MIB, cores: 4, frameMs: 100 };

/**
 * A scripted engine for tests of the window. Its clock moves only in `tick`, one frame each, so that a test decides when
 * something happens; the harness may call it ten times a second to look alive.
 */
export class FakeEngine implements Engine {
  /** Every request that arrived, oldest first. */
  readonly requests: { readonly method: Method; readonly params: unknown }[] = [];
  /** Refuses the next request of this method with this sentence. */
  refuse: { readonly method: Method; readonly message: string } | undefined;
  /** Experiments wait for `finishExperiment`. */
  holdsExperiments = false;
  private held: { finish(): void; cancel(): void } | undefined;
  private readonly options: FakeOptions;
  private readonly events = new Set<(event: EngineEvent) => void>();
  private readonly frames = new Set<(frame: TelemetryFrame) => void>();
  private snapshot: EngineSnapshot = { state: 'empty', marks: [] };
  private telemetry: FakeTelemetry | undefined;
  private runs = 0;

  constructor(options: Partial<FakeOptions> = {}) {
    this.options = { ...FAKE_OPTIONS, ...options };
  }

  onEvent(listener: (event: EngineEvent) => void): Dispose {
    this.events.add(listener);
    return () => this.events.delete(listener);
  }

  onFrame(listener: (frame: TelemetryFrame) => void): Dispose {
    this.frames.add(listener);
    return () => this.frames.delete(listener);
  }

  async request<M extends Method>(method: M, params: Params<M>): Promise<Results[M]> {
    this.requests.push({ method, params });
    if (this.refuse?.method === method) {
      const { message } = this.refuse;
      this.refuse = undefined;
      throw new EngineRefusal(message);
    }
    const answers: { [K in Method]: (params: Params<K>) => Results[K] | Promise<Results[K]> } = {
      hello: () => ({
        protocol: PROTOCOL_VERSION,
        version: '0.1.0',
        machine: fakeMachine(this.options.cores),
        snapshot: this.snapshot,
        writer: true,
      }),
      devices: () => ({
        devices: fakeDevices(this.options.cores, this.options.budgetBytes),
        absent: [{ provider: 'cuda', reason: 'nvidia-smi lists no NVIDIA card.' }],
      }),
      inspectModel: ({ path, settings }) => fakeFit(this.modelAt(path), settings, this.options.budgetBytes),
      openBundledModel: () => this.open(DEMO_MODEL),
      openModel: ({ path }) => this.open(this.modelAt(path)),
      start: (settings) => this.start(settings),
      pause: () => this.moveTo('paused'),
      resume: () => this.moveTo('running'),
      step: () => {
        this.emit([this.step()]);
        return {};
      },
      stop: () => this.moveTo('finished'),
      change: (patch) => this.change(patch),
      report: ({ format }) => ({ fileName: `${this.snapshot.run?.id ?? 'run'}.${format}`, content: '<!doctype html>' }),
      runFile: () => {
        throw new EngineRefusal('The fake engine keeps no run files.');
      },
      runs: () => ({ runs: RECORDED_RUNS, traces: [] }),
      cacheLab: ({ source }) => this.lab('cacheLab', 'Replaying SIEVE', () => fakeCacheTable(source)),
      expertsMap: ({ source }) => fakeExpertsMap(source),
      expertLife: ({ source, layer, expert }) => fakeExpertLife(source, layer, expert),
      placementLab: noLab,
      placementExport: noLab,
      gatingLab: (params) => this.experiment('gatingLab', 'Static gating, batch 8', () => fakeGating(params)),
      precisionLab: (params) => this.experiment('precisionLab', 'int8, 40 of 64 pieces', () => fakePrecision(params)),
      cancelLab: () => this.cancelLab(),
      packs: () => ({ folder: '/pretended/packs', packs: [] }),
      emptyPacks: () => ({ folder: '/pretended/packs', packs: [], removed: [], kept: [] }),
    };
    return await (answers[method] as (params: Params<M>) => Results[M] | Promise<Results[M]>)(params);
  }

  /** One frame of running time, when running. */
  tick(): void {
    if (this.snapshot.state !== 'running') return;
    const { telemetry } = this;
    const { run } = this.snapshot;
    if (run === undefined || telemetry === undefined) return;
    const until = telemetry.nowMs + this.options.frameMs;
    const rows: FakeStep[] = [];
    while (telemetry.nowMs < until) rows.push(telemetry.step(run.settings.batch));
    this.emit(rows);
    if (telemetry.text.done >= run.settings.promptCount) this.moveTo('finished');
  }

  log(level: 'info' | 'warn' | 'error', line: string): void {
    this.tell({ event: 'log', level, line });
  }

  /** An experiment that ends when the test says so, or at once. */
  private async experiment<R>(task: string, text: string, answer: () => R): Promise<R> {
    if (this.snapshot.state === 'running' || this.snapshot.state === 'paused') {
      throw new EngineRefusal('A run is in progress: stop it first.');
    }
    return this.lab(task, text, answer);
  }

  private async lab<R>(task: string, text: string, answer: () => R): Promise<R> {
    if (this.holdsExperiments) {
      this.tell({ event: 'progress', progress: { task, fraction: 0.4, text } });
      await new Promise<void>((resolve, reject) => {
        this.held = { finish: resolve, cancel: () => reject(new EngineRefusal('Cancelled.')) };
      });
    }
    return answer();
  }

  finishExperiment(): void {
    this.held?.finish();
    this.held = undefined;
  }

  private cancelLab(): Results['cancelLab'] {
    const cancelled = this.held === undefined ? 0 : 1;
    this.held?.cancel();
    this.held = undefined;
    return { cancelled };
  }

  private async open(model: ModelSummary): Promise<ModelSummary> {
    this.set({ state: 'opening', marks: [] });
    for (const fraction of [0.25, 0.75]) {
      this.tell({ event: 'progress', progress: { task: 'open', fraction, text: `Reading ${model.name}` } });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.set({ state: 'ready', model, marks: [] });
    this.log('info', `Opened ${model.name}: ${model.layers} layers, ${model.experts} experts`);
    return model;
  }

  private modelAt(path: string): ModelSummary {
    return { ...DEMO_MODEL, path, name: path.split('/').at(-1) ?? path };
  }

  private start(settings: RunSettings): Results['start'] {
    this.telemetry = new FakeTelemetry(settings);
    const { workload } = this.telemetry;
    const id = `run-${++this.runs}`;
    const run = {
      id,
      settings,
      path: `/runs/${id}.moerun`,
      startedAt: '2026-01-01T00:00:00Z',
      slotsPerLayer: workload.slotsInForce,
      copyAfterRows: [0],
      expertsPerDevice: workload.most,
      budgetBytes: settings.devices.map(() => this.options.budgetBytes),
      lost: [],
      expectedBytes: fakeExpected(DEMO_MODEL, workload.slotsInForce),
    };
    this.set({ ...this.snapshot, state: 'running', run, marks: [], error: undefined });
    return run;
  }

  private change(patch: Params<'change'>): Results['change'] {
    const { run } = this.snapshot;
    const { telemetry } = this;
    if (run === undefined || telemetry === undefined) throw new EngineRefusal('No run is in progress.');
    const { workload, steps, nowMs } = telemetry;
    const settings = { ...run.settings, ...patch };
    workload.change(settings);
    const mark: SettingsMark = { step: steps, atMs: nowMs, label: words(run.settings, patch), settings };
    const slotsPerLayer = workload.slotsInForce;
    this.set({ ...this.snapshot, run: { ...run, settings, slotsPerLayer }, marks: [...this.snapshot.marks, mark] });
    return { atStep: steps };
  }

  /** The run loses a device and goes on. */
  lose(id: string, label: string) {
    const { run, marks } = this.snapshot;
    if (run === undefined || this.telemetry === undefined) throw new Error('no run');
    const { steps, nowMs } = this.telemetry;
    const mark: SettingsMark = { step: steps, atMs: nowMs, label, settings: run.settings };
    this.set({ ...this.snapshot, run: { ...run, lost: [...run.lost, id] }, marks: [...marks, mark] });
  }

  private moveTo(state: RunState): Record<string, never> {
    this.set({ ...this.snapshot, state });
    return {};
  }

  private step(): FakeStep {
    const { run } = this.snapshot;
    if (run === undefined || this.telemetry === undefined) throw new EngineRefusal('No run is in progress.');
    return this.telemetry.step(run.settings.batch);
  }

  private emit(rows: readonly FakeStep[]): void {
    const { run } = this.snapshot;
    if (run === undefined || this.telemetry === undefined) return;
    const frame = this.telemetry.frame(rows, run, this.options.budgetBytes);
    for (const listener of this.frames) listener(frame);
  }

  private set(snapshot: EngineSnapshot): void {
    this.snapshot = snapshot;
    this.tell({ event: 'snapshot', snapshot });
  }

  private tell(event: EngineEvent): void {
    for (const listener of this.events) listener(event);
  }
}

const SHORT: Readonly<Record<string, string>> = { cacheSlots: 'cache' };

function words(before: RunSettings, patch: Params<'change'>): string {
  return Object.entries(patch)
    .map(([key, value]) => `${SHORT[key] ?? key} ${String(before[key as keyof RunSettings])} to ${String(value)}`)
    .join(', ');
}

function noLab(): never {
  throw new EngineRefusal('The fake engine has no trace to ask about.');
}
