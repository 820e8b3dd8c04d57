import { routedPairs } from '../gating/router.ts';
import type { ModelSummary } from '../protocol/model.ts';
import type { RecordedStep } from '../protocol/run_recording.ts';
import { CATEGORY_COUNT, NOT_RUN, PHASE_COUNT, STEP_PHASES } from '../protocol/telemetry.ts';
import type { RowPlan, StepResult } from '../rank/messages.ts';
import type { Emission } from './scheduler.ts';

const PHASE_PREFILL = 0;
export const PHASE_DECODE = 1;
/** Hits, misses, loads, evictions. */
export const CACHE_COUNTERS = 4;
/** Loads, used, harmed. */
export const PREFETCH_COUNTERS = 3;

/** One whole step of all devices: what is recorded, and what is shown of it beyond that. L MoE layers. */
export interface StepRow extends Omit<RecordedStep, 'emitted'> {
  /** Token-expert pairs of all layers, dropped ones included. */
  readonly routedPairs: number;
  readonly runtimeMs: number;
  /** Experts without a token [L]; NOT_RUN for a layer that no token went through. */
  readonly inactive: Uint16Array;
  readonly emissions: readonly (Emission & { readonly waited: boolean })[];
}

const OTHER = STEP_PHASES.indexOf('other');

/** Columns of a run's devices, of which some may be lost: rank r's go to that of device `ranks[r]`, a lost device's stay zero. */
export interface DeviceColumns {
  readonly devices: number;
  readonly ranks: readonly number[];
}

/** Joins the ranks' results of one step. Times are the slowest rank's; what its own clock does not cover goes to `other`. */
export function joinResults(
  model: Pick<ModelSummary, 'experts' | 'topK' | 'encoderLayers'>,
  plans: readonly (readonly RowPlan[])[],
  results: readonly StepResult[],
  emissions: readonly Emission[],
  timing: { readonly endMs: number; readonly durationMs: number },
  columns: DeviceColumns,
): StepRow {
  const tokens = results.reduce((sum, result) => sum + result.tokens, 0);
  const [first] = results as [StepResult];
  const layers = first.cache.length / CACHE_COUNTERS;
  const request = new Int32Array(tokens);
  const position = new Int32Array(tokens);
  const phase = new Uint8Array(tokens);
  const lastWaited = new Map<number, boolean>();
  let at = 0;
  for (const [rank, rows] of plans.entries()) {
    let local = 0;
    for (const { sequence, source } of rows) {
      for (let i = 0; i < (source?.length ?? 0); i++, at++, local++) {
        request[at] = sequence;
        position[at] = i;
        phase[at] = PHASE_PREFILL;
      }
    }
    for (const row of rows) {
      const decodes = model.encoderLayers !== undefined || (row.tokens.length === 1 && row.position > 0);
      for (let i = 0; i < row.tokens.length; i++, at++, local++) {
        request[at] = row.sequence;
        position[at] = row.position + i;
        phase[at] = decodes ? PHASE_DECODE : PHASE_PREFILL;
      }
      lastWaited.set(row.sequence, (results[rank] as StepResult).waited[local - 1] === 1);
    }
  }
  const { ids, weights } = joinChoices(results, layers, tokens, model.topK);
  const slowest = results.reduce((a, b) => (b.durationMs > a.durationMs ? b : a));
  const phaseMs = slowest.phaseMs.slice(0, PHASE_COUNT);
  phaseMs[OTHER] = (phaseMs[OTHER] as number) + Math.max(0, timing.durationMs - slowest.durationMs);
  const rows = results.reduce((sum, result) => sum + result.rows, 0);
  const routed = routedPairs(ids);
  const droppedPairs = results.reduce((sum, result) => sum + result.droppedPairs, 0);
  return {
    step: first.step,
    ...timing,
    stallMs: Math.max(...results.map((result) => result.stallMs)),
    hiddenMs: Math.max(...results.map((result) => result.hiddenMs)),
    computeMs: Math.max(...results.map((result) => result.computeMs)),
    hostBytes: results.reduce((sum, result) => sum + result.hostBytes, 0),
    tokens,
    request,
    position,
    phase,
    ids,
    weights,
    cache: byDevice(Uint32Array, columns, layers * CACHE_COUNTERS, (rank) => (results[rank] as StepResult).cache),
    ...(results.some((result) => result.prefetches) && {
      prefetches: byDevice(Uint32Array, columns, layers * PREFETCH_COUNTERS, (rank) => results[rank]?.prefetches ?? []),
    }),
    ...(first.foreseen && { foreseen: first.foreseen }),
    ledgerBytes: byDevice(Float64Array, columns, CATEGORY_COUNT, (rank) => (results[rank] as StepResult).ledgerBytes),
    peakBytes: byDevice(Float64Array, columns, 1, (rank) => [(results[rank] as StepResult).peakBytes]),
    share: byDevice(Float32Array, columns, 1, (rank) => [(results[rank] as StepResult).rows / Math.max(1, rows)]),
    routedPairs: routed,
    droppedPairs,
    paddingRows: rows - (routed - droppedPairs),
    phaseMs,
    runtimeMs: slowest.runtimeMs,
    inactive: countInactive(ids, layers, tokens * model.topK, model.experts),
    emissions: emissions.map((emission) => ({ ...emission, waited: lastWaited.get(emission.sequence) ?? false })),
  };
}

/** [L, N, k] of all ranks from each rank's own [L, n, k]; one rank's arrays are taken as they are. */
function joinChoices(results: readonly StepResult[], layers: number, tokens: number, topK: number) {
  const [first] = results as [StepResult];
  if (results.length === 1) return { ids: first.ids, weights: first.weights };
  const ids = new Uint16Array(layers * tokens * topK);
  const weights = new Float32Array(ids.length);
  for (let layer = 0; layer < layers; layer++) {
    let to = layer * tokens * topK;
    for (const result of results) {
      const each = result.tokens * topK;
      ids.set(result.ids.subarray(layer * each, (layer + 1) * each), to);
      weights.set(result.weights.subarray(layer * each, (layer + 1) * each), to);
      to += each;
    }
  }
  return { ids, weights };
}

function countInactive(ids: Uint16Array, layers: number, pairs: number, experts: number): Uint16Array {
  const inactive = new Uint16Array(layers);
  const seen = new Int32Array(experts);
  for (let layer = 0; layer < layers; layer++) {
    let active = 0;
    for (let pair = layer * pairs; pair < (layer + 1) * pairs; pair++) {
      const expert = ids[pair] as number;
      if (expert >= experts || seen[expert] === layer + 1) continue;
      seen[expert] = layer + 1;
      active++;
    }
    inactive[layer] = active === 0 ? NOT_RUN : experts - active;
  }
  return inactive;
}

/** @param each numbers a device */
function byDevice<T extends Uint32Array | Float32Array | Float64Array>(
  type: new (length: number) => T,
  { devices, ranks }: DeviceColumns,
  each: number,
  ofRank: (rank: number) => ArrayLike<number>,
): T {
  const all = new type(devices * each);
  for (const [rank, device] of ranks.entries()) all.set(ofRank(rank), device * each);
  return all;
}
