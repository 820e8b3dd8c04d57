import { CACHE_COUNTERS, type RecordedStep, type RunRecording } from '../../protocol/run_recording.ts';
import type { Audit } from '../../protocol/telemetry.ts';
import { replayCaches } from '../../replay/replay_cache.ts';
import { toTimeline, toTrace } from '../recording.ts';
import { bucketSteps, sumOver } from './buckets.ts';

const [HITS, MISSES, LOADS, EVICTIONS] = [0, 1, 2, 3] as const;
const WIDTH = CACHE_COUNTERS.length;

/** Counted by the live caches. */
export interface CacheCounts {
  readonly hits: number;
  readonly misses: number;
  readonly loads: number;
  readonly evictions: number;
  /** hits / (hits + misses); NaN without requests. */
  readonly hitRate: number;
}

export interface CacheUse {
  readonly all: CacheCounts;
  readonly layers: readonly CacheCounts[];
  readonly overTime: {
    readonly endMs: readonly number[];
    readonly hitRate: readonly number[];
    /** Mean wait of a step for expert loads. */
    readonly stallMs: readonly number[];
  };
  /** The same counters replayed from the recorded trace and settings: must be equal. */
  readonly audit: Audit;
}

export function cacheUse(recording: RunRecording): CacheUse {
  const { header, steps } = recording;
  const sum = (counter: number, from: number, to: number, layer?: number) => {
    let total = 0;
    for (let step = from; step < to; step++)
      total += stepCount(steps[step] as RecordedStep, header.moeLayers, counter, layer);
    return total;
  };
  const counts = (layer?: number): CacheCounts => {
    const of = (counter: number) => sum(counter, 0, steps.length, layer);
    const [hits, misses, loads, evictions] = [of(HITS), of(MISSES), of(LOADS), of(EVICTIONS)];
    return { hits, misses, loads, evictions, hitRate: hits / (hits + misses) };
  };
  const buckets = bucketSteps(steps.length);
  const all = counts();
  return {
    all,
    layers: Array.from({ length: header.moeLayers }, (_, layer) => counts(layer)),
    overTime: {
      endMs: buckets.map(({ to }) => (steps[to - 1] as RecordedStep).endMs),
      hitRate: buckets.map(({ from, to }) => {
        const hits = sum(HITS, from, to);
        return hits / (hits + sum(MISSES, from, to));
      }),
      stallMs: buckets.map(
        (bucket) => sumOver(bucket, (step) => (steps[step] as RecordedStep).stallMs) / (bucket.to - bucket.from),
      ),
    },
    audit: audit(recording, all),
  };
}

/** A counter of one step over all devices: of one layer, or of all. */
function stepCount({ cache }: RecordedStep, moeLayers: number, counter: number, layer?: number): number {
  const stride = layer === undefined ? WIDTH : moeLayers * WIDTH;
  let total = 0;
  for (let at = (layer ?? 0) * WIDTH + counter; at < cache.length; at += stride) total += cache[at] as number;
  return total;
}

function audit(recording: RunRecording, { hits, misses, loads, evictions }: CacheCounts): Audit {
  const replayed = replayCaches(toTrace(recording), toTimeline(recording)).totals;
  return {
    steps: recording.steps.length,
    measured: { hits, misses, loads, evictions },
    replayed: {
      hits: replayed.hits,
      misses: replayed.misses,
      loads: replayed.loads,
      evictions: replayed.evictions,
    },
  };
}
