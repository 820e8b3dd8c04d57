import { contiguous, singleCopies } from '../../engine/balancing/placement.ts';
import { toBase64 } from '../../engine/protocol/base64.ts';
import type { EmittedToken, RunRecord } from '../../engine/protocol/run_file.ts';
import { headLine, recordLine, tailLine } from '../../engine/protocol/run_lines.ts';
import { RunParser } from '../../engine/protocol/run_parser.ts';
import { CACHE_COUNTERS, type RunRecording } from '../../engine/protocol/run_recording.ts';
import type { EvictionName, PlacementName } from '../../engine/protocol/settings.ts';
import { CATEGORY_COUNT, LEDGER_CATEGORIES, PHASE_COUNT } from '../../engine/protocol/telemetry.ts';
import { CacheReplay } from '../../engine/replay/replay_cache.ts';
import { RoutingTraceBuilder } from '../../engine/trace/trace.ts';
import { exampleHeader } from './run_examples.ts';

const MIB = 2 ** 20;
const LAYERS = 8;
const EXPERTS = 64;
const TOP_K = 4;
const BATCH = 8;
const PROMPT_TOKENS = 64;

const TEXT =
  ' then she was to be in the world, and that he was in the house of the old man. La vieille dame regarda par la fenêtre; ' +
  'return self._index if index is None else self._values[index] # the number of bytes written, or -1 on error\n\n The function';

export interface SyntheticOptions {
  readonly steps?: number;
  readonly devices?: number;
  /** Text of the prompts and of the generated pieces. */
  readonly prompt?: string;
  readonly pieces?: readonly string[];
  readonly complete?: boolean;
}

/** The same numbers every time, without a library (Park and Miller's generator). */
function randoms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

interface Change {
  readonly atStep: number;
  readonly label: string;
  readonly slots: number;
  readonly eviction: EvictionName;
  readonly placement: PlacementName;
}

/**
 * A run as the engine would record it: made-up routing and times, cache counters that the real cache gives for that routing.
 * Deeper layers are more concentrated, and every sequence has its own favourite experts.
 */
export function syntheticRun(options: SyntheticOptions = {}): RunRecording {
  const parser = new RunParser('synthetic.json');
  for (const line of syntheticLines(options)) parser.push(line);
  return parser.finish();
}

export function syntheticLines({
  steps = 400,
  devices = 2,
  prompt = 'It was a dark and stormy night, and',
  pieces = TEXT.split(/(?= )/),
  complete = true,
}: SyntheticOptions = {}): string[] {
  const header = exampleHeader({ moeLayers: LAYERS, experts: EXPERTS, topK: TOP_K, devices });
  const random = randoms(7);
  const changes: Change[] = [
    { atStep: 0, label: 'start', slots: EXPERTS, eviction: 'lifo', placement: 'contiguous' },
    { atStep: Math.floor(steps * 0.4), label: '64 to 12 slots', slots: 12, eviction: 'lifo', placement: 'contiguous' },
    {
      atStep: Math.floor(steps * 0.7),
      label: 'contiguous to greedy',
      slots: 12,
      eviction: 'lifo',
      placement: 'greedy',
    },
    { atStep: Math.floor(steps * 0.85), label: 'lifo to lru', slots: 12, eviction: 'lru', placement: 'greedy' },
  ];
  const even = contiguous(LAYERS, EXPERTS, devices);
  const striped = singleCopies(
    devices,
    even.layers.map(({ deviceOf }) => deviceOf.map((_, expert) => expert % devices)),
  );
  const trace = new RoutingTraceBuilder({ moeLayers: LAYERS, experts: EXPERTS, topK: TOP_K });
  const caches = new CacheReplay(LAYERS, EXPERTS);
  const records: RunRecord[] = [];
  const favourite = Array.from({ length: BATCH }, (_, sequence) => (sequence * 3) % EXPERTS);
  let endMs = 0;
  let placement = even;
  for (let n = 0; n < steps; n++) {
    // A step's evictions include those of a resize before it.
    const before = n === 0 ? new Uint32Array(devices * LAYERS * 4) : countersOf(caches, devices);
    for (const { atStep, label, slots, eviction, placement: name } of changes) {
      if (atStep !== n) continue;
      placement = name === 'greedy' ? striped : even;
      caches.apply({ atStep, slotsPerLayer: slots, eviction, placement });
      records.push({
        t: 'settings',
        atStep,
        atMs: endMs,
        label,
        settings: { ...header.settings, cacheSlots: slots, eviction, placement: name },
        slotsPerLayer: slots,
        placement: {
          devices,
          split: 'equal',
          deviceOf: toBase64(Uint8Array.from(placement.layers.flatMap((layer) => [...layer.deviceOf]))),
        },
      });
    }
    const prefill = n % 128 === 0;
    const perSequence = prefill ? PROMPT_TOKENS : 1;
    const tokens = BATCH * perSequence;
    if (prefill) {
      for (let row = 0; row < BATCH; row++) {
        const sequence = (n / 128) * BATCH + row;
        records.push({ t: 'sequence', sequence, row, prompt, tokens: toBase64(new Int32Array(PROMPT_TOKENS)) });
      }
    }
    const request = Int32Array.from(
      { length: tokens },
      (_, i) => Math.floor(n / 128) * BATCH + Math.floor(i / perSequence),
    );
    const ids = new Uint16Array(LAYERS * tokens * TOP_K);
    const pairsOf = new Float64Array(devices);
    for (let layer = 0, at = 0; layer < LAYERS; layer++) {
      for (let token = 0; token < tokens; token++) {
        const chosen = new Set<number>();
        const centre = favourite[(request[token] as number) % BATCH] as number;
        while (chosen.size < TOP_K) chosen.add((centre + Math.floor(random() ** 1.6 * (56 - layer * 6))) % EXPERTS);
        for (const expert of chosen) {
          ids[at++] = expert;
          const device = placement.layers[layer]?.deviceOf[expert] ?? 0;
          pairsOf[device] = (pairsOf[device] as number) + 1;
        }
      }
    }
    const phase = new Uint8Array(tokens).fill(prefill ? 0 : 1);
    const position = new Int32Array(tokens);
    const weights = new Float32Array(ids.length).fill(0.25);
    trace.appendStep({ tokens, ids, weights, request, position, phase });
    caches.step(trace, n);
    const cache = countersOf(caches, devices).map((value, i) => value - (before[i] as number));
    const misses = cache.filter((_, i) => i % CACHE_COUNTERS.length === 1).reduce((a, b) => a + b, 0);
    const loadMs = (misses / devices) * 0.12;
    const workMs = (prefill ? 160 : 11) * (0.95 + random() * 0.1);
    const durationMs = workMs + loadMs;
    endMs += durationMs + 0.1;
    const slots = (changes.filter(({ atStep }) => atStep <= n).at(-1) as Change).slots;
    const ledger = ledgerOf(devices, Math.min(slots, EXPERTS / devices), n);
    const emitted: EmittedToken[] = Array.from({ length: BATCH }, (_, row) => [
      Math.floor(n / 128) * BATCH + row,
      100 + row,
      misses > 4 && row < 3 ? 1 : 0,
      pieces[(n + row * 31) % pieces.length] as string,
    ]);
    const phases = [0.24, 0.05, 0.06, devices > 1 ? 0.07 : 0, 0, 0.4, 0.05, 0.08, 0.05].map((part) => part * workMs);
    phases[4] = loadMs;
    records.push({
      t: 'step',
      n,
      endMs,
      durationMs,
      stallMs: loadMs,
      tokens: { count: tokens, request: toBase64(request), position: toBase64(position), phase: toBase64(phase) },
      ids: toBase64(ids),
      weights: toBase64(weights),
      cache: toBase64(cache),
      ledger: toBase64(ledger),
      peak: toBase64(Float64Array.from({ length: devices }, (_, device) => peakOf(ledger, device, prefill, random()))),
      share: toBase64(Float32Array.from(pairsOf, (pairs) => pairs / (LAYERS * tokens * TOP_K))),
      phaseMs: toBase64(Float32Array.from({ length: PHASE_COUNT }, (_, i) => phases[i] ?? 0)),
      dropped: 0,
      padding: 0,
      emitted,
    });
  }
  if (complete) records.push({ t: 'end', reason: 'finished' });
  const { hits, misses, loads, evictions } = caches.totals;
  const totals = {
    steps,
    elapsedMs: endMs,
    promptTokens: Math.ceil(steps / 128) * BATCH * PROMPT_TOKENS,
    newTokens: steps * BATCH,
    hits,
    misses,
    loads,
    evictions,
    stallMs: 0,
    sequencesDone: 0,
    sequencesTotal: 64,
    tokensPerSecond: 600,
  };
  const tail = complete ? [tailLine({ totals })] : [];
  return [
    headLine('moe-studio 0.1.0', header),
    ...records.map((record, i) => recordLine(record, i === 0)),
    ...tail,
  ].map((line) => line.trimEnd());
}

function countersOf(caches: CacheReplay, devices: number): Uint32Array {
  const counters = new Uint32Array(devices * LAYERS * CACHE_COUNTERS.length);
  let at = 0;
  for (let device = 0; device < devices; device++) {
    for (let layer = 0; layer < LAYERS; layer++) {
      const counts = caches.counters(device, layer);
      for (const counter of CACHE_COUNTERS) counters[at++] = counts[counter];
    }
  }
  return counters;
}

function ledgerOf(devices: number, slots: number, step: number): Float64Array {
  const bytes = {
    embedding: 2.6,
    attention: 6.5,
    otherDense: 1.1,
    experts: slots * LAYERS * 0.14,
    kvCache: 2 + (step % 128) * 0.06,
    gatingReorder: 0.2,
    expertExecution: 0.3,
  };
  const ledger = new Float64Array(devices * CATEGORY_COUNT);
  for (let i = 0; i < ledger.length; i++)
    ledger[i] = bytes[LEDGER_CATEGORIES[i % CATEGORY_COUNT] as keyof typeof bytes] * MIB;
  return ledger;
}

function peakOf(ledger: Float64Array, device: number, prefill: boolean, noise: number): number {
  const total = ledger.subarray(device * CATEGORY_COUNT, (device + 1) * CATEGORY_COUNT).reduce((a, b) => a + b, 0);
  return total + (prefill ? 9 : 1.2 + noise * 0.4) * MIB;
}
