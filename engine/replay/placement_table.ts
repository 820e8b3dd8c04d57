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
import { type MeasuredPace, projectionSays, projectTokensPerSecond } from './placement_speed.ts';
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
  measured?: MeasuredPace,
): Promise<PlacementTable> {
  const { devices } = options;
  const shape = placeShape(trace, options);
  const { batches, batchTokens, isJoined } = batchesOf(trace, options.batchTokens);
  const history = loadHistory(batches, 0, batches.steps);
  const half = Math.floor(batches.steps / 2);
  const past = sliceBatches(history, 0, half);
  const future = sliceBatches(history, half, batches.steps);
  const slots = options.slots ?? Math.max(1, Math.round(expertsHeld('contiguous', trace.experts, devices) / 2));
  // Of batches that the run did not have nothing was measured.
  const timed = isJoined ? undefined : measured;
  const own = timed && scorePlacement(future, timed.placement).avgMaxLoad;
  const rows: PlacementRow[] = [];
  for (const [index, method] of PlacementName.options.entries()) {
    pace.tell(index / PlacementName.options.length, `Placing by ${PLACEMENT_METHODS[method].title}`);
    const placement = place(method, past, shape);
    await pace.rest();
    const before = scorePlacement(past, placement);
    const after = scorePlacement(future, placement);
    const { missRate, missesPerStep } = await countMisses(batches, half, placement, slots, pace);
    const { avgMaxLoad } = after;
    rows.push({
      method,
      ...PLACEMENT_METHODS[method],
      redundant:
        replicaSlots(trace.experts, devices, redundantCopies(method, trace.experts, options.redundant)) - trace.experts,
      maxLoad: after.maxLoad,
      avgMaxLoad,
      historyMaxLoad: before.maxLoad,
      historyAvgMaxLoad: before.avgMaxLoad,
      expertsPerDevice: expertsPerDevice(placement),
      missRate,
      ...(timed &&
        own !== undefined && {
          tokensPerSecond: projectTokensPerSecond(timed, own, { devices, avgMaxLoad, missesPerStep }),
        }),
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
    speedSays: speedSays(measured, isJoined, slots),
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

function speedSays(measured: MeasuredPace | undefined, isJoined: boolean, slots: number): string {
  if (measured === undefined) return 'Tokens/s are not projected: the source has no measured steps.';
  if (isJoined)
    return 'Tokens/s are not projected: the run had no batches of this size; leave batch tokens to its own steps.';
  return projectionSays(measured, slots);
}

/** LRU misses over the scored half: rate by device, and mean of a step on the device that has most. Caches warm up on the history. */
async function countMisses(
  batches: RoutingTrace,
  half: number,
  placement: Placement,
  slotsPerLayer: number,
  pace: Pace,
): Promise<{ missRate: number[]; missesPerStep: number }> {
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
  const scored = counts().map(({ hits, misses }, device) => ({
    hits: hits - (before[device]?.hits ?? 0),
    misses: misses - (before[device]?.misses ?? 0),
  }));
  return {
    missRate: scored.map(({ hits, misses }) => misses / Math.max(1, hits + misses)),
    missesPerStep: Math.max(...scored.map(({ misses }) => misses)) / Math.max(1, batches.steps - half),
  };
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
