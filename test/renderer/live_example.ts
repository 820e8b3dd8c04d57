import { CATEGORY_COUNT, PHASE_COUNT, type StepColumns } from '../../engine/protocol/telemetry.ts';

/** What a test says of one step; the rest has plain defaults. */
export interface StepExample {
  readonly step?: number;
  readonly endMs: number;
  readonly durationMs?: number;
  readonly tokens?: number;
  readonly stallMs?: number;
  /** By layer. */
  readonly inactive?: readonly number[];
  readonly hits?: readonly number[];
  readonly misses?: readonly number[];
  /** Routed, dropped, and rows of padding. */
  readonly pairs?: readonly [number, number, number];
  /** By device. */
  readonly shares?: readonly number[];
  readonly peaks?: readonly number[];
  /** By device and category. */
  readonly ledger?: readonly (readonly number[])[];
}

/** Step columns of `layers` layers and `devices` devices out of examples. */
export function columns(examples: readonly StepExample[], layers = 2, devices = 1): StepColumns {
  const row = (values: readonly number[] | undefined, width: number) =>
    Array.from({ length: width }, (_, i) => values?.[i] ?? 0);
  const flat = (pick: (example: StepExample) => readonly number[]) => examples.flatMap(pick);
  return {
    count: examples.length,
    step: Int32Array.from(examples, (example, i) => example.step ?? i),
    endMs: Float64Array.from(examples, ({ endMs }) => endMs),
    durationMs: Float32Array.from(examples, ({ durationMs }) => durationMs ?? 1),
    tokens: Int32Array.from(examples, ({ tokens }) => tokens ?? 8),
    newTokens: Int32Array.from(examples, ({ tokens }) => tokens ?? 8),
    stallMs: Float32Array.from(examples, ({ stallMs }) => stallMs ?? 0),
    hiddenMs: new Float32Array(examples.length),
    computed: new Int32Array(examples.length),
    computeMs: new Float32Array(examples.length),
    inactive: Uint16Array.from(flat(({ inactive }) => row(inactive, layers))),
    hits: Uint16Array.from(flat(({ hits }) => row(hits, layers))),
    misses: Uint16Array.from(flat(({ misses }) => row(misses, layers))),
    evictions: new Uint16Array(examples.length * layers),
    ledgerBytes: Float64Array.from(
      flat(({ ledger }) => Array.from({ length: devices }, (_, d) => row(ledger?.[d], CATEGORY_COUNT)).flat()),
    ),
    peakBytes: Float64Array.from(flat(({ peaks }) => row(peaks, devices))),
    deviceShare: Float32Array.from(flat(({ shares }) => row(shares ?? [1], devices))),
    phaseMs: new Float32Array(examples.length * PHASE_COUNT),
    routedPairs: Int32Array.from(examples, ({ pairs }) => pairs?.[0] ?? 0),
    droppedPairs: Int32Array.from(examples, ({ pairs }) => pairs?.[1] ?? 0),
    paddingRows: Int32Array.from(examples, ({ pairs }) => pairs?.[2] ?? 0),
  };
}
