import fc from 'fast-check';
import { toBase64 } from '../../engine/protocol/base64.ts';
import type { EmittedToken, RunHeader, RunRecord, RunSummary } from '../../engine/protocol/run_file.ts';
import { DEFAULT_RUN } from '../../engine/protocol/settings.ts';
import { CATEGORY_COUNT, PHASE_COUNT } from '../../engine/protocol/telemetry.ts';

const MIB = 2 ** 20;

export interface RunShape {
  readonly moeLayers: number;
  readonly experts: number;
  readonly topK: number;
  readonly devices: number;
}

export function exampleHeader({ moeLayers, experts, topK, devices }: RunShape): RunHeader {
  return {
    id: 'run-1',
    createdAt: '2026-01-02T03:04:05.000Z',
    model: {
      name: 'demo-lm',
      family: 'olmoe',
      fingerprint: '0123456789abcdef',
      layers: moeLayers,
      moeLayers: Array.from({ length: moeLayers }, (_, block) => ({ stack: 'decoder' as const, block })),
      experts,
      topK,
      hiddenSize: 192,
      vocabSize: 3584,
      contextTokens: 1024,
      parameters: 20_846_784,
      dtype: 'BF16',
      storedBytes: 41_880_928,
      deviceBytes: {
        embedding: 2_752_512,
        attention: 4_718_592,
        otherDense: 393_216,
        perExpert: 147_456,
        kvPerToken: 12_288,
      },
      samples: ['code', 'english', 'french', 'technical'],
    },
    settings: {
      ...DEFAULT_RUN,
      devices: Array.from({ length: devices }, (_, index) => ({ id: `cpu:${index}`, budgetBytes: 96 * MIB })),
    },
    machine: {
      cpu: 'Example CPU at 2.1 GHz',
      cores: 2,
      memoryBytes: 8 * 1024 * MIB,
      platform: 'linux x64',
      node: '20.20.2',
      onnxruntime: '1.30.0',
    },
    devices: Array.from({ length: devices }, (_, index) => ({
      id: `cpu:${index}`,
      provider: 'cpu' as const,
      name: `CPU thread ${index}`,
      software: false,
      budgetBytes: 96 * MIB,
    })),
    moeLayers,
    experts,
    topK,
  };
}

/** One file's content before it is written. */
export interface ExampleRun {
  readonly header: RunHeader;
  readonly records: readonly RunRecord[];
  readonly summary: RunSummary;
}

const float = fc.double({ noNaN: true, noDefaultInfinity: true, min: 0, max: 1e12 });

function column<T extends { [index: number]: number; readonly length: number } & ArrayBufferView>(
  array: T,
  values: fc.Stream<number>,
): string {
  for (let i = 0; i < array.length; i++) array[i] = values.next().value as number;
  return toBase64(array);
}

/** Any run of a small model: every kind of record, in an order that a run can have. */
export const anyRun: fc.Arbitrary<ExampleRun> = fc
  .record({
    moeLayers: fc.integer({ min: 1, max: 3 }),
    experts: fc.integer({ min: 1, max: 5 }),
    topK: fc.integer({ min: 1, max: 2 }),
    devices: fc.integer({ min: 1, max: 2 }),
    steps: fc.array(
      fc.record({
        tokens: fc.nat(3),
        change: fc.boolean(),
        starts: fc.boolean(),
        text: fc.string({ unit: 'binary' }),
        at: float,
      }),
      { maxLength: 6 },
    ),
    replicas: fc.boolean(),
    numbers: fc.infiniteStream(fc.nat(65_535)),
    ended: fc.boolean(),
  })
  .map(({ steps, replicas, numbers, ended, ...shape }) => {
    const { moeLayers: L, experts, topK, devices: D } = shape;
    const header = exampleHeader(shape);
    const placement = () => {
      const copies = Array.from({ length: L * experts }, () => (replicas ? 1 + ((numbers.next().value ?? 0) % 3) : 1));
      const hosts = copies.map((count) => {
        const own = Array.from({ length: count }, () => (numbers.next().value ?? 0) % D);
        return own.sort((a, b) => a - b);
      });
      return {
        devices: D,
        split: replicas ? ('levelled' as const) : ('equal' as const),
        deviceOf: toBase64(Uint8Array.from(hosts.flat())),
        ...(replicas && { copies: toBase64(Uint8Array.from(copies)) }),
      };
    };
    const records: RunRecord[] = [
      {
        t: 'settings',
        atStep: 0,
        atMs: 0,
        label: 'start',
        settings: header.settings,
        slotsPerLayer: experts,
        placement: placement(),
      },
    ];
    for (const [n, { tokens, change, starts, text, at }] of steps.entries()) {
      if (starts)
        records.push({
          t: 'sequence',
          sequence: n,
          row: 0,
          prompt: text,
          tokens: column(new Int32Array(tokens), numbers),
        });
      if (change) {
        const settings = {
          ...header.settings,
          cacheSlots: n + 1,
          eviction: starts ? ('auto' as const) : ('lru' as const),
        };
        records.push({
          t: 'settings',
          atStep: n,
          atMs: at,
          label: text,
          settings,
          slotsPerLayer: n + 1,
          ...(starts && { eviction: 'lfru' as const, copyAfterRows: new Array<number>(D).fill(n + 1) }),
          ...(starts && { placement: placement() }),
        });
      }
      const emitted: EmittedToken[] =
        tokens === 0
          ? []
          : [
              [n, 7, 0],
              [n, 9, 1, text],
            ];
      records.push({
        t: 'step',
        n,
        endMs: at,
        durationMs: at / 2,
        stallMs: at / 4,
        ...(n % 3 === 2 && { hiddenMs: 1 + at / 8 }),
        ...(change && { computeMs: 1 + at / 8, hostBytes: 64 * n }),
        tokens: {
          count: tokens,
          request: column(new Int32Array(tokens), numbers),
          position: column(new Int32Array(tokens), numbers),
          phase: column(
            new Uint8Array(tokens),
            numbers.map((value) => value % 2),
          ),
        },
        ids: column(
          new Uint16Array(L * tokens * topK),
          numbers.map((value) => (value % 11 === 0 ? 0xffff : value % experts)),
        ),
        weights: column(new Float32Array(L * tokens * topK), numbers),
        cache: column(new Uint32Array(D * L * 4), numbers),
        ledger: column(new Float64Array(D * CATEGORY_COUNT), numbers),
        peak: column(new Float64Array(D), numbers),
        share: column(new Float32Array(D), numbers),
        phaseMs: column(new Float32Array(PHASE_COUNT), numbers),
        dropped: n,
        padding: 2 * n,
        emitted,
      });
    }
    if (ended) records.push({ t: 'end', reason: 'finished' });
    const counters = { hits: 1, misses: 2, loads: 3, evictions: 4 };
    return {
      header,
      records,
      summary: {
        totals: {
          steps: steps.length,
          elapsedMs: 12.5,
          promptTokens: 1,
          newTokens: 2,
          ...counters,
          stallMs: 0.5,
          sequencesDone: 1,
          sequencesTotal: 1,
          tokensPerSecond: 160,
        },
        ...(ended && { audit: { steps: steps.length, measured: counters, replayed: counters } }),
      },
    };
  });
