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
import type { DeviceInfo, ModelSummary } from '../../engine/protocol/model.ts';
import type { RunSettings } from '../../engine/protocol/settings.ts';
import { CATEGORY_COUNT, type TelemetryFrame } from '../../engine/protocol/telemetry.ts';
import { fakeExpected, fakeFit } from './fake_fit.ts';
import { fakeGating } from './fake_gating.ts';
import { fakeCacheTable, fakeExpertLife, fakeExpertsMap } from './fake_labs.ts';
import { FakeText } from './fake_text.ts';
import { columnsOf, EXPERTS, type FakeStep, FakeWorkload, LAYERS, PER_EXPERT_BYTES } from './fake_workload.ts';

const MIB = 2 ** 20;

export const cpuDevice = (id: string, defaultBudgetBytes: number): DeviceInfo => ({
  id,
  provider: 'cpu',
  name: id.replace(':', ' ').toUpperCase(),
  software: false,
  totalBytes: 16 * 2 ** 30,
  freeBytes: 8 * 2 ** 30,
  defaultBudgetBytes,
  driver: { notTold: 'a processor needs none' },
  link: { name: 'host memory' },
  reading: {
    usedBytes: 8 * 2 ** 30,
    utilisation: 0.42,
    celsius: { notTold: 'sensors of the processor are not read' },
    watts: { notTold: 'sensors of the processor are not read' },
  },
});

const CARD: DeviceInfo = {
  id: 'webgpu:0',
  provider: 'webgpu',
  name: 'Radeon RX 7900 XTX',
  loadBytesPerSecond: 12.4e9,
  software: false,
  totalBytes: 24 * 2 ** 30,
  freeBytes: 21 * 2 ** 30,
  defaultBudgetBytes: 19 * 2 ** 30,
  driver: 'amdgpu, kernel 6.12.0',
  link: { name: 'PCIe 4.0 x16' },
  reading: {
    usedBytes: 3 * 2 ** 30,
    utilisation: 0.64,
    celsius: 57,
    watts: { notTold: 'the amdgpu driver does not tell it' },
  },
};

export const DEMO_MODEL: ModelSummary = {
  name: 'demo-lm',
  path: '/models/demo-lm',
  family: 'OLMoE',
  fingerprint: '0123456789abcdef',
  layers: LAYERS,
  moeLayers: Array.from({ length: LAYERS }, (_, block) => ({ stack: 'decoder' as const, block })),
  experts: EXPERTS,
  topK: 4,
  hiddenSize: 192,
  vocabSize: 8192,
  contextTokens: 1024,
  parameters: 24_000_000,
  dtype: 'BF16',
  storedBytes: 48 * MIB,
  deviceBytes: {
    embedding: 6 * MIB,
    attention: 9 * MIB,
    otherDense: 0.6 * MIB,
    perExpert: PER_EXPERT_BYTES,
    kvPerToken: 2 * LAYERS * 192 * 4,
  },
  samples: ['code', 'english', 'french', 'technical'],
};

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
  private workload: FakeWorkload | undefined;
  private text = new FakeText(0);
  private seq = 0;
  private steps = 0;
  private nowMs = 0;
  private totals = { hits: 0, misses: 0, stallMs: 0, tokens: 0 };
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
        machine: {
          cpu: 'Pretended CPU',
          cores: this.options.cores,
          memoryBytes: 16 * 2 ** 30,
          platform: 'linux',
          node: '20.20.2',
          onnxruntime: '1.30.0',
        },
        snapshot: this.snapshot,
        writer: true,
      }),
      devices: () => ({
        devices: [
          ...Array.from({ length: this.options.cores }, (_, i) => cpuDevice(`cpu:${i}`, this.options.budgetBytes)),
          CARD,
        ],
        absent: [{ provider: 'cuda', reason: 'nvidia-smi lists no NVIDIA card.' }],
      }),
      inspectModel: ({ path, settings }) => fakeFit(this.modelAt(path), settings, this.options.budgetBytes),
      openBundledModel: () => this.open(DEMO_MODEL),
      openModel: ({ path }) => this.open(this.modelAt(path)),
      start: (settings) => this.start(settings),
      pause: () => this.moveTo('paused'),
      resume: () => this.moveTo('running'),
      step: () => {
        this.emit([this.oneStep()]);
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
      gatingLab: (params) => this.experiment('gatingLab', () => fakeGating(params)),
      precisionLab: noLab,
      cancelLab: () => this.cancelLab(),
      packs: () => ({ folder: '/pretended/packs', packs: [] }),
      emptyPacks: () => ({ folder: '/pretended/packs', packs: [], removed: [], kept: [] }),
    };
    return await (answers[method] as (params: Params<M>) => Results[M] | Promise<Results[M]>)(params);
  }

  /** One frame of running time, when running. */
  tick(): void {
    if (this.snapshot.state !== 'running') return;
    const until = this.nowMs + this.options.frameMs;
    const rows: FakeStep[] = [];
    while (this.nowMs < until) rows.push(this.oneStep());
    this.emit(rows);
    const { run } = this.snapshot;
    if (run !== undefined && this.text.done >= run.settings.promptCount) this.moveTo('finished');
  }

  log(level: 'info' | 'warn' | 'error', line: string): void {
    this.tell({ event: 'log', level, line });
  }

  /** An experiment that ends when the test says so, or at once. */
  private async experiment<R>(task: string, answer: () => R): Promise<R> {
    if (this.snapshot.state === 'running' || this.snapshot.state === 'paused') {
      throw new EngineRefusal('A run is in progress: stop it first.');
    }
    return this.lab(task, 'Static gating, batch 8', answer);
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
    this.workload = new FakeWorkload(settings);
    this.text = new FakeText(settings.batch);
    this.steps = 0;
    this.nowMs = 0;
    this.totals = { hits: 0, misses: 0, stallMs: 0, tokens: 0 };
    const id = `run-${++this.runs}`;
    const run = {
      id,
      settings,
      path: `/runs/${id}.moerun`,
      startedAt: '2026-01-01T00:00:00Z',
      slotsPerLayer: this.workload.slotsInForce,
      copyAfterRows: [0],
      expertsPerDevice: this.workload.most,
      budgetBytes: settings.devices.map(() => this.options.budgetBytes),
      lost: [],
      expectedBytes: fakeExpected(DEMO_MODEL, this.workload.slotsInForce),
    };
    this.set({ ...this.snapshot, state: 'running', run, marks: [], error: undefined });
    return run;
  }

  private change(patch: Params<'change'>): Results['change'] {
    const { run } = this.snapshot;
    if (run === undefined || this.workload === undefined) throw new EngineRefusal('No run is in progress.');
    const settings = { ...run.settings, ...patch };
    this.workload.change(settings);
    const mark: SettingsMark = { step: this.steps, atMs: this.nowMs, label: words(run.settings, patch), settings };
    const slotsPerLayer = this.workload.slotsInForce;
    this.set({ ...this.snapshot, run: { ...run, settings, slotsPerLayer }, marks: [...this.snapshot.marks, mark] });
    return { atStep: this.steps };
  }

  /** The run loses a device and goes on. */
  lose(id: string, label: string) {
    const { run, marks } = this.snapshot;
    if (run === undefined) throw new Error('no run');
    const mark: SettingsMark = { step: this.steps, atMs: this.nowMs, label, settings: run.settings };
    this.set({ ...this.snapshot, run: { ...run, lost: [...run.lost, id] }, marks: [...marks, mark] });
  }

  private moveTo(state: RunState): Record<string, never> {
    this.set({ ...this.snapshot, state });
    return {};
  }

  private oneStep(): FakeStep {
    if (this.workload === undefined) throw new EngineRefusal('No run is in progress.');
    const step = this.workload.next();
    this.steps++;
    this.nowMs += step.durationMs;
    this.totals.hits += step.hits.reduce((a, b) => a + b, 0);
    this.totals.misses += step.misses.reduce((a, b) => a + b, 0);
    this.totals.stallMs += step.stallMs;
    this.totals.tokens += this.snapshot.run?.settings.batch ?? 0;
    return step;
  }

  private emit(rows: readonly FakeStep[]): void {
    const { run } = this.snapshot;
    if (run === undefined || this.workload === undefined) return;
    const { batch } = run.settings;
    let end = this.nowMs - rows.reduce((sum, row) => sum + row.durationMs, 0);
    const endMs = rows.map((row) => {
      end += row.durationMs;
      return end;
    });
    const spanMs = rows.reduce((sum, row) => sum + row.durationMs, 0);
    const { hits, misses, stallMs, tokens } = this.totals;
    const counters = { hits, misses, loads: misses, evictions: misses };
    const missShare = misses / Math.max(1, hits + misses);
    const last = rows.at(-1);
    const frame: TelemetryFrame = {
      seq: ++this.seq,
      runId: run.id,
      steps: columnsOf(rows, this.steps - rows.length, endMs, batch),
      totals: {
        steps: this.steps,
        elapsedMs: this.nowMs,
        promptTokens: batch * 64,
        newTokens: tokens,
        ...counters,
        stallMs,
        sequencesDone: Math.min(this.text.done, run.settings.promptCount),
        sequencesTotal: run.settings.promptCount,
        tokensPerSecond: (rows.length * batch * 1000) / spanMs,
      },
      text: this.text.next(rows.length, missShare),
      curve: this.workload.curve(this.options.budgetBytes),
      audit: { steps: this.steps, measured: counters, replayed: counters },
      profile: last === undefined ? undefined : profileOf(last, this.steps - 1),
      droppedFrames: 0,
      droppedSteps: 0,
    };
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

/** The ledger within one step: gating buffers at the start of each layer, execution buffers in the middle of it. */
function profileOf(step: FakeStep, number: number): NonNullable<TelemetryFrame['profile']> {
  const points = LAYERS * 4;
  const bytes = new Float64Array(points * CATEGORY_COUNT);
  for (let i = 0; i < points; i++) {
    bytes.set(step.ledger.slice(0, CATEGORY_COUNT), i * CATEGORY_COUNT);
    const phase = i % 4;
    bytes[i * CATEGORY_COUNT + 5] = phase === 1 || phase === 2 ? 0.9 * MIB : 0.1 * MIB;
    bytes[i * CATEGORY_COUNT + 6] = phase === 2 ? 1.2 * MIB : 0.1 * MIB;
  }
  const atMs = Float32Array.from({ length: points }, (_, i) => (i / points) * step.durationMs);
  return { step: number, device: 0, atMs, bytes };
}

function noLab(): never {
  throw new EngineRefusal('The fake engine has no trace to ask about.');
}
