import type { EngineSnapshot, SettingsMark } from '../../engine/protocol/messages.ts';
import type { ModelSummary } from '../../engine/protocol/model.ts';
import { DEFAULT_RUN, type RunSettings } from '../../engine/protocol/settings.ts';
import { CATEGORY_COUNT, PHASE_COUNT, type TelemetryFrame, type TextDelta } from '../../engine/protocol/telemetry.ts';
import { fakeExpected } from './fake_fit.ts';

/** Telemetry as an engine would send it, made up but consistent: counters add up, the ledger's experts line is slots times bytes. */
export interface SyntheticRun {
  readonly layers: number;
  readonly experts: number;
  readonly devices: number;
  readonly stepsPerSecond: number;
  readonly batch: number;
  readonly encoderLayers?: number;
}

const MIB = 2 ** 20;

export function syntheticModel({ layers, experts, encoderLayers = 0 }: SyntheticRun): ModelSummary {
  return {
    name: 'demo-lm',
    path: '/models/demo-lm',
    family: 'olmoe',
    fingerprint: '0123456789abcdef',
    layers,
    moeLayers: Array.from({ length: layers }, (_, i) =>
      i < encoderLayers
        ? { stack: 'encoder' as const, block: i }
        : { stack: 'decoder' as const, block: i - encoderLayers },
    ),
    experts,
    topK: 4,
    hiddenSize: 192,
    vocabSize: 8192,
    contextTokens: 1024,
    parameters: 25_000_000,
    dtype: 'F32',
    storedBytes: 100 * MIB,
    deviceBytes: {
      embedding: 6 * MIB,
      attention: 11 * MIB,
      otherDense: MIB,
      perExpert: 0.15 * MIB,
      kvPerToken: 12_288,
    },
    samples: ['english'],
  };
}

export function syntheticSettings({ devices, batch }: SyntheticRun): RunSettings {
  return {
    ...DEFAULT_RUN,
    batch,
    placement: devices > 1 ? 'greedy' : 'contiguous',
    cacheSlots: 24,
    devices: Array.from({ length: devices }, (_, i) => ({ id: `cpu:${i}` })),
  };
}

export function syntheticSnapshot(run: SyntheticRun, marks: readonly SettingsMark[] = []): EngineSnapshot {
  return {
    state: 'running',
    model: syntheticModel(run),
    run: {
      id: 'run-3',
      settings: syntheticSettings(run),
      path: '/runs/run-3',
      startedAt: '2026-01-01T00:00:00Z',
      slotsPerLayer: 24,
      copyAfterRows: [0],
      expertsPerDevice: run.experts / run.devices,
      budgetBytes: Array.from({ length: run.devices }, () => 96 * MIB),
      lost: [],
      expectedBytes: fakeExpected(syntheticModel(run), 24),
    },
    marks,
  };
}

const TEXTS = [
  'And the king said unto him, What is thy request? and it shall be granted thee, even to the half of the kingdom. ',
  'def read(self, size=-1):\n    return self.buffer.read(size)\n\nclass Cache:\n    def __init__(self, slots):\n',
  "La commande affiche la liste des fichiers du répertoire courant, triés par ordre alphabétique si aucune option n'est donnée. ",
  'This function returns the number of bytes written, or -1 on error, in which case errno is set to tell why. ',
  'In the beginning of the reign of Josiah the son of Amon king of Judah came this word. ',
  'for name, value in sorted(self.items()):\n    yield name, value\n',
  "Si aucun nom n'est donné, l'entrée standard est lue. ",
  'The kernel keeps a list of pages that belong to each zone; <b>reclaim</b> walks it from the cold end. ',
];

/** Makes frames one after another; `changeAtStep` is where the cache goes from all slots to 24 and placement to greedy. */
export class FrameMaker {
  readonly run: SyntheticRun;
  readonly changeAtStep: number;
  private step = 0;
  private ms = 0;
  private seq = 0;
  private seed = 7;
  private hits = 0;
  private misses = 0;
  private evictions = 0;
  private stallMs = 0;
  private newTokens = 0;

  constructor(run: SyntheticRun, changeAtStep = 0) {
    this.run = run;
    this.changeAtStep = changeAtStep;
  }

  get lastStep(): number {
    return this.step - 1;
  }

  /** When the step ended, for marks. */
  msOf(step: number): number {
    return ((step + 1) * 1000) / this.run.stepsPerSecond;
  }

  /** One frame with the steps of `spanMs`. */
  next(spanMs: number): TelemetryFrame {
    const { layers, devices, stepsPerSecond, batch } = this.run;
    const n = Math.max(1, Math.round((spanMs / 1000) * stepsPerSecond));
    const steps = {
      count: n,
      step: new Int32Array(n),
      endMs: new Float64Array(n),
      durationMs: new Float32Array(n),
      tokens: new Int32Array(n),
      newTokens: new Int32Array(n),
      stallMs: new Float32Array(n),
      hiddenMs: new Float32Array(n),
      computed: new Int32Array(n),
      computeMs: new Float32Array(n),
      inactive: new Uint16Array(n * layers),
      hits: new Uint16Array(n * layers),
      misses: new Uint16Array(n * layers),
      evictions: new Uint16Array(n * layers),
      ledgerBytes: new Float64Array(n * devices * CATEGORY_COUNT),
      peakBytes: new Float64Array(n * devices),
      deviceShare: new Float32Array(n * devices),
      phaseMs: new Float32Array(n * PHASE_COUNT),
      routedPairs: new Int32Array(n),
      droppedPairs: new Int32Array(n),
      paddingRows: new Int32Array(n),
    };
    for (let i = 0; i < n; i++) this.fill(steps, i);
    this.seq++;
    const loads = this.misses;
    return {
      seq: this.seq,
      runId: 'run-3',
      steps,
      totals: {
        steps: this.step,
        elapsedMs: this.ms,
        promptTokens: 64 * batch,
        newTokens: this.newTokens,
        hits: this.hits,
        misses: this.misses,
        loads,
        evictions: this.evictions,
        stallMs: this.stallMs,
        sequencesDone: Math.floor(this.newTokens / (256 * batch)),
        sequencesTotal: 64,
        tokensPerSecond: batch * stepsPerSecond,
      },
      text: this.text(n),
      ...(this.seq % 20 === 1 ? { profile: this.profile() } : {}),
      audit: {
        steps: this.step,
        measured: { hits: this.hits, misses: this.misses, loads, evictions: this.evictions },
        replayed: { hits: this.hits, misses: this.misses, loads, evictions: this.evictions },
      },
      droppedFrames: 0,
      droppedSteps: 0,
    };
  }

  private random(): number {
    this.seed = (this.seed * 16_807) % 2_147_483_647;
    return this.seed / 2_147_483_647;
  }

  private noise(): number {
    return this.random() + this.random() + this.random() - 1.5;
  }

  private fill(steps: MutableColumns, i: number): void {
    const { layers, experts, devices, stepsPerSecond, batch } = this.run;
    const changed = this.changeAtStep > 0 && this.step >= this.changeAtStep;
    const since = this.step - this.changeAtStep;
    const stepMs = 1000 / stepsPerSecond;
    this.ms += stepMs;
    steps.step[i] = this.step;
    steps.endMs[i] = this.ms;
    steps.durationMs[i] = stepMs * (0.9 + this.random() * 0.1);
    steps.tokens[i] = batch;
    steps.newTokens[i] = batch;
    this.newTokens += batch;
    for (let layer = 0; layer < layers; layer++) {
      const place = layers === 1 ? 0 : layer / (layers - 1);
      const idle = experts * (0.25 + 0.55 * Math.sin(Math.PI * (0.12 + 0.7 * place))) + this.noise() * experts * 0.05;
      const inactive = Math.max(0, Math.min(experts, Math.round(idle)));
      const active = experts - inactive;
      const settling = changed ? Math.max(0, 1 - since / (stepsPerSecond * 5)) : 0;
      const missRate = changed
        ? (0.02 + 0.12 * Math.sin(Math.PI * place)) * (1 + settling) + this.noise() * 0.01
        : 0.003;
      const misses = Math.max(0, Math.min(active, Math.round(active * missRate + this.noise() * 0.3)));
      const at = i * layers + layer;
      steps.inactive[at] = inactive;
      steps.misses[at] = misses;
      steps.hits[at] = active - misses;
      steps.evictions[at] = misses;
      this.hits += active - misses;
      this.misses += misses;
      this.evictions += misses;
    }
    const stall = changed ? 0.3 + this.random() * 0.3 : 0;
    steps.stallMs[i] = stall;
    this.stallMs += stall;
    const first = (changed ? 0.555 : 0.66) + this.noise() * 0.05;
    for (let device = 0; device < devices; device++) {
      const share = devices === 1 ? 1 : device === 0 ? first : (1 - first) / (devices - 1);
      steps.deviceShare[i * devices + device] = share;
      const at = (i * devices + device) * CATEGORY_COUNT;
      const held = changed ? 44 : 68;
      const bytes = [6, 11, 0.6, held, 4 + Math.min(6, this.ms / 10_000), 0.02, 0.4 + this.random() * 0.2];
      bytes.forEach((mib, category) => {
        steps.ledgerBytes[at + category] = mib * MIB;
      });
      const total = bytes.reduce((sum, mib) => sum + mib, 0);
      steps.peakBytes[i * devices + device] = (total + 1.1 + this.random() * 0.3) * MIB;
    }
    const phases = [0.22, 0.04, 0.05, 0.05, changed ? 0.1 : 0.01, 0.34, 0.04, 0.12, 0.04];
    phases.forEach((share, phase) => {
      steps.phaseMs[i * PHASE_COUNT + phase] = share * stepMs * (0.9 + this.random() * 0.2);
    });
    this.step++;
  }

  private text(steps: number): TextDelta[] {
    const { batch } = this.run;
    const start = this.step - steps;
    return Array.from({ length: batch }, (_, row): TextDelta => {
      const source = (TEXTS[row % TEXTS.length] ?? '').split(/(?<=[\s.,(])/);
      const sequence = Math.floor(start / 256) * batch + row;
      return {
        sequence,
        row,
        ...(start % 256 < steps ? { prompt: source.slice(0, 3).join('') } : {}),
        pieces: Array.from({ length: steps }, (_, i) => ({
          text: source[(start + i) % source.length] ?? '',
          waited: this.changeAtStep > 0 && start + i >= this.changeAtStep && this.random() < 0.12,
        })),
      };
    });
  }

  private profile() {
    const { layers } = this.run;
    const samples = layers * 6 + 1;
    const atMs = new Float32Array(samples);
    const bytes = new Float64Array(samples * CATEGORY_COUNT);
    const stepMs = 1000 / this.run.stepsPerSecond;
    for (let sample = 0; sample < samples; sample++) {
      atMs[sample] = (sample / (samples - 1)) * stepMs;
      const phase = sample % 6;
      const layer = Math.floor(sample / 6);
      const gating = phase === 2 ? 0.8 + 0.4 * this.random() : phase === 3 ? 0.9 : 0.02;
      const execution = phase === 3 || phase === 4 ? 0.5 + 0.3 * this.random() : 0;
      const held = 44 + (layer % 3 === 1 && phase > 3 ? 0.15 : 0);
      [6, 11, 0.6, held, 6, gating, execution].forEach((mib, category) => {
        bytes[sample * CATEGORY_COUNT + category] = mib * MIB;
      });
    }
    return { step: this.step - 1, device: 0, atMs, bytes };
  }
}

type MutableColumns = {
  readonly [K in keyof TelemetryFrame['steps']]: TelemetryFrame['steps'][K];
};
