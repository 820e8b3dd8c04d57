import type { ExpertsMap, LabCaches, LabSubject } from '../protocol/labs.ts';
import type { RoutingTrace } from '../trace/trace.ts';
import type { Pace } from './pace.ts';
import { CacheReplay, type CacheTimeline } from './replay_cache.ts';

/** The busiest experts that concentration and stability are about: one of so many. */
const BUSY_SHARE = 8;
/** Steps between two rests. */
const SLICE_STEPS = 64;

export interface ExpertsQuestion {
  readonly subject: LabSubject;
  readonly caches: LabCaches;
  readonly trace: RoutingTrace;
  /** What the caches are replayed under. */
  readonly timeline: CacheTimeline;
}

/** Tokens and cache events of every expert of every layer over the whole trace (paper, Expert activation patterns). */
export async function expertsMap(question: ExpertsQuestion, pace: Pace): Promise<ExpertsMap> {
  const { subject, caches, trace } = question;
  const { moeLayers, experts, steps } = trace;
  const zeros = () => Array.from({ length: moeLayers }, () => new Array<number>(experts).fill(0));
  const halves = [zeros(), zeros()] as const;
  for (let step = 0; step < steps; step++) {
    countTokens(trace, step, halves[step < Math.floor(steps / 2) ? 0 : 1]);
    if (step % SLICE_STEPS === 0) await pace.rest();
  }
  const [first, second] = halves;
  const tokens = first.map((row, layer) => row.map((count, expert) => count + at(second, layer, expert)));
  const hits = zeros();
  const misses = zeros();
  const replay = await replayWatched(question, pace, (kind, { layer }, expert) => {
    const row = (kind === 'hit' ? hits : misses)[layer] as number[];
    if (kind !== 'evict') row[expert] = (row[expert] as number) + 1;
  });
  return {
    subject,
    caches,
    tokens,
    hits,
    misses,
    residentOn: tokens.map((row, layer) => row.map((_, expert) => firstDevice(replay, subject.devices, layer, expert))),
    concentration: tokens.map((row) => {
      const total = row.reduce((sum, count) => sum + count, 0);
      const busy = busiest(row).reduce((sum, expert) => sum + (row[expert] as number), 0);
      return total === 0 ? 0 : busy / total;
    }),
    stability: tokens.map((_, layer) => {
      const before = busiest(first[layer] as number[]);
      const after = new Set(busiest(second[layer] as number[]));
      return before.length === 0 ? 0 : before.filter((expert) => after.has(expert)).length / before.length;
    }),
  };
}

/** The trace through its caches under the recorded settings, every event told. */
export async function replayWatched(
  { trace, timeline: { changes } }: ExpertsQuestion,
  pace: Pace,
  watch: ConstructorParameters<typeof CacheReplay>[2],
): Promise<CacheReplay> {
  const replay = new CacheReplay(trace.moeLayers, trace.experts, watch);
  for (let step = 0; step < trace.steps; step++) {
    for (const change of changes) if (change.atStep === step) replay.apply(change);
    replay.step(trace, step);
    if (step % SLICE_STEPS !== 0) continue;
    pace.tell(step / trace.steps, `Replaying step ${step} of ${trace.steps}`);
    await pace.rest();
  }
  return replay;
}

/** Adds the tokens of a step to [moeLayers][experts]. */
function countTokens(trace: RoutingTrace, step: number, counts: number[][]): void {
  const ids = trace.stepIds(step);
  const pairs = ids.length / trace.moeLayers;
  for (let layer = 0; layer < trace.moeLayers; layer++) {
    const row = counts[layer] as number[];
    for (let pair = layer * pairs; pair < (layer + 1) * pairs; pair++) {
      const expert = ids[pair] as number;
      if (expert < trace.experts) row[expert] = (row[expert] as number) + 1;
    }
  }
}

/** Experts of the busiest eighth that have tokens at all, at least one where any has; of equal ones the lower id. */
function busiest(row: readonly number[]): number[] {
  const places = Math.max(1, Math.floor(row.length / BUSY_SHARE));
  return row
    .map((_, expert) => expert)
    .filter((expert) => (row[expert] as number) > 0)
    .sort((a, b) => (row[b] as number) - (row[a] as number) || a - b)
    .slice(0, places);
}

function firstDevice(replay: CacheReplay, devices: number, layer: number, expert: number): number {
  for (let device = 0; device < devices; device++) if (replay.isResident(device, layer, expert)) return device;
  return -1;
}

function at(rows: readonly (readonly number[])[], layer: number, expert: number): number {
  return rows[layer]?.[expert] ?? 0;
}
