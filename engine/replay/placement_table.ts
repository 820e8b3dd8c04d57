import { ANTI_CORRELATION } from '../balancing/anti_correlation.ts';
import { meanShares, shareRows, sliceBatches } from '../balancing/history.ts';
import { PLACEMENT_METHODS } from '../balancing/methods.ts';
import { correlation, shareCovariance } from '../balancing/moments.ts';
import { type PlaceShape, place } from '../balancing/place.ts';
import { heldCount, type LoadHistory, type Placement } from '../balancing/placement.ts';
import { scorePlacement } from '../balancing/score.ts';
import { expertsHeld, redundantCopies, replicaSlots } from '../protocol/experts_held.ts';
import type { LabSubject, PlacementRow, PlacementTable } from '../protocol/labs.ts';
import { PlacementName } from '../protocol/settings.ts';
import type { RoutingTrace } from '../trace/trace.ts';
import { isUnbatched, joinDecodeSteps } from './joined_steps.ts';
import { loadHistory } from './load_history.ts';
import type { Pace } from './pace.ts';
import { CacheReplay } from './replay_cache.ts';

/** Joined by default where a source has one token per step. */
const DEFAULT_BATCH_TOKENS = 8;
/** Below so many batches in the history, differences of a few percent between methods are noise. */
const FEW_BATCHES = 16;

export interface PlacementTableOptions {
  readonly devices: number;
  readonly redundant?: number | undefined;
  readonly batchTokens?: number | undefined;
  readonly slots?: number | undefined;
  readonly groups: number;
  readonly nodes: number;
}

/**
 * Every placement made from the first half of a trace's batches, the shorter one where they are odd, and scored on the second
 * (paper, Load Balancing). Pure; about a second for a few hundred batches.
 * @throws RangeError where nodes do not divide the devices, or groups the experts
 */
export async function placementTable(
  trace: RoutingTrace,
  subject: LabSubject,
  options: PlacementTableOptions,
  pace: Pace,
): Promise<PlacementTable> {
  const { devices } = options;
  const shape = placeShape(trace, options);
  const { batches, batchTokens, isJoined } = batchesOf(trace, options.batchTokens);
  const history = loadHistory(batches, 0, batches.steps);
  const half = Math.floor(batches.steps / 2);
  const past = sliceBatches(history, 0, half);
  const future = sliceBatches(history, half, batches.steps);
  const slots = options.slots ?? Math.max(1, Math.round(expertsHeld('contiguous', trace.experts, devices) / 2));
  const rows: PlacementRow[] = [];
  for (const method of PlacementName.options) {
    const placement = place(method, past, shape);
    await pace.rest();
    const before = scorePlacement(past, placement);
    const after = scorePlacement(future, placement);
    const missRate = await missRates(batches, half, placement, slots, pace);
    rows.push({
      method,
      ...PLACEMENT_METHODS[method],
      redundant:
        replicaSlots(trace.experts, devices, redundantCopies(method, trace.experts, options.redundant)) - trace.experts,
      maxLoad: after.maxLoad,
      avgMaxLoad: after.avgMaxLoad,
      historyMaxLoad: before.maxLoad,
      historyAvgMaxLoad: before.avgMaxLoad,
      expertsPerDevice: expertsPerDevice(placement),
      missRate,
      largestShare: [...after.largestShare].map((share) => (Number.isNaN(share) ? 0 : share)),
    });
  }
  return {
    subject,
    how: 'replayed',
    devices,
    slots,
    batchTokens,
    history: { batches: half },
    scored: { batches: batches.steps - half },
    rows,
    scaling: scaling(past),
    warnings: warnings(trace, subject, half, isJoined, options),
  };
}

/** A placement for use elsewhere: from all batches of the trace. */
export function placeByWhole(
  trace: RoutingTrace,
  method: PlacementName,
  options: Omit<PlacementTableOptions, 'slots'>,
): Placement {
  const { batches } = batchesOf(trace, options.batchTokens);
  return place(method, loadHistory(batches, 0, batches.steps), placeShape(trace, options));
}

function placeShape(
  { moeLayers, experts }: RoutingTrace,
  { devices, redundant, groups, nodes }: PlacementTableOptions,
): PlaceShape {
  return { layers: moeLayers, experts, devices, groups, nodes, ...(redundant !== undefined && { redundant }) };
}

/** The source's own steps, or decode steps joined to batches. */
function batchesOf(trace: RoutingTrace, wanted: number | undefined) {
  const joinTo = wanted ?? (isUnbatched(trace) ? DEFAULT_BATCH_TOKENS : undefined);
  if (joinTo !== undefined) {
    return { batches: joinDecodeSteps(trace, joinTo), batchTokens: joinTo, isJoined: true };
  }
  return { batches: trace, batchTokens: Math.round(trace.tokens / Math.max(1, trace.steps)), isJoined: false };
}

function expertsPerDevice({ devices, layers }: Placement): number[] {
  return Array.from({ length: devices }, (_, device) => {
    const held = layers.reduce((sum, layer) => sum + heldCount(layer, device), 0);
    return held / layers.length;
  });
}

/** LRU miss rate by device over the scored half; caches warm up on the history. */
async function missRates(
  batches: RoutingTrace,
  half: number,
  placement: Placement,
  slotsPerLayer: number,
  pace: Pace,
): Promise<number[]> {
  const { moeLayers, experts } = batches;
  const replay = new CacheReplay(moeLayers, experts);
  replay.apply({ atStep: 0, slotsPerLayer, eviction: 'lru', placement });
  const counts = () =>
    Array.from({ length: placement.devices }, (_, device) => {
      let hits = 0;
      let misses = 0;
      for (let layer = 0; layer < moeLayers; layer++) {
        hits += replay.counters(device, layer).hits;
        misses += replay.counters(device, layer).misses;
      }
      return { hits, misses };
    });
  let before = counts();
  for (let step = 0; step < batches.steps; step++) {
    if (step === half) before = counts();
    replay.step(batches, step);
    await pace.rest();
  }
  return counts().map(({ hits, misses }, device) => {
    const missed = misses - (before[device]?.misses ?? 0);
    return missed / Math.max(1, hits - (before[device]?.hits ?? 0) + missed);
  });
}

/** Mean load of an expert, and the mean size of what anti-correlation adds for a pair of experts. */
function scaling(past: LoadHistory): PlacementTable['scaling'] {
  const { layers, experts } = past;
  let load = 0;
  let strength = 0;
  for (let layer = 0; layer < layers; layer++) {
    const rows = shareRows(past, layer);
    load += meanShares(rows, experts).reduce((sum, share) => sum + share, 0) / experts;
    const together = correlation(shareCovariance(rows, experts), experts);
    let sum = 0;
    for (let a = 0; a < experts; a++) {
      for (let b = 0; b < experts; b++) if (a !== b) sum += Math.abs(together[a * experts + b] as number);
    }
    strength += sum / Math.max(1, experts * (experts - 1));
  }
  const literal = (ANTI_CORRELATION * strength) / layers;
  return { meanLoad: load / layers, literal, perExpert: literal / experts };
}

function warnings(
  trace: RoutingTrace,
  { routing }: LabSubject,
  half: number,
  isJoined: boolean,
  { devices, redundant = Math.floor(trace.experts / 8), groups, nodes }: PlacementTableOptions,
): string[] {
  const said: string[] = [];
  if (routing === 'synthetic')
    said.push('The routing was drawn by a generator: no verdict about a model follows from it.');
  if (half < FEW_BATCHES) {
    said.push(
      `The history has ${half} batches: below ${FEW_BATCHES}, differences of a few percent between methods are noise.`,
    );
  }
  const decode = joinDecodeSteps(trace, 1).steps;
  if (isJoined && decode < trace.steps) said.push('Prompts are left out: only decode steps were joined to batches.');
  const copies = replicaSlots(trace.experts, devices, redundant) - trace.experts;
  if (copies !== redundant) {
    said.push(`${redundant} redundant experts became ${copies}: every device has the same number of slots.`);
  }
  if (nodes > 1 && groups % nodes !== 0) {
    said.push(`${nodes} nodes cannot share ${groups} groups evenly, so EPLB balanced over all devices at once.`);
  }
  return said;
}
