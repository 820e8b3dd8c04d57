import type { RunRecording } from '../protocol/run_recording.ts';
import type { Audit } from '../protocol/telemetry.ts';
import type { CacheReplay } from '../replay/replay_cache.ts';
import { CACHE_COUNTERS } from './step_row.ts';

/** A recording's counters beside those of its replay (law 4). */
export function auditOf(recording: Pick<RunRecording, 'steps'>, replay: CacheReplay): Audit {
  const measured = { hits: 0, misses: 0, loads: 0, evictions: 0 };
  for (const { cache } of recording.steps) {
    for (let at = 0; at < cache.length; at += CACHE_COUNTERS) {
      measured.hits += cache[at] as number;
      measured.misses += cache[at + 1] as number;
      measured.loads += cache[at + 2] as number;
      measured.evictions += cache[at + 3] as number;
    }
  }
  const { hits, misses, loads, evictions } = replay.totals;
  return { steps: recording.steps.length, measured, replayed: { hits, misses, loads, evictions } };
}
