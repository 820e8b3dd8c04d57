import type { RunRecording } from '../protocol/run_recording.ts';
import { STEP_PHASES } from '../protocol/telemetry.ts';
import type { MeasuredPace } from '../replay/placement_speed.ts';
import type { CacheChange } from '../replay/replay_cache.ts';
import { toTimeline } from '../report/recording.ts';
import { CACHE_COUNTERS } from './step_row.ts';

/** Fewer loads than this do not make a mean. */
const FEWEST_LOADS = 8;
const [EXPERTS, EXCHANGE, LOAD] = (['experts', 'exchange', 'load'] as const).map((name) => STEP_PHASES.indexOf(name));

/** What the second half of a run's steps took, as placements are scored on it; undefined where it emitted nothing. */
export function measuredPace(recording: RunRecording): MeasuredPace | undefined {
  const { header, steps } = recording;
  const scored = steps.slice(Math.floor(steps.length / 2));
  const newTokens = scored.reduce((sum, step) => sum + step.emitted.length, 0);
  if (newTokens === 0) return undefined;
  const phase = (index: number | undefined) =>
    scored.reduce((sum, step) => sum + (step.phaseMs[index as number] as number), 0) / scored.length;
  const stepMs = scored.reduce((sum, step) => sum + step.durationMs, 0) / scored.length;
  const [expertsMs, exchangeMs, loadMs] = [phase(EXPERTS), phase(EXCHANGE), phase(LOAD)];
  let loads = 0;
  for (const { cache } of scored) {
    const width = cache.length / header.devices.length;
    // The time is the slowest device's, and so are the loads that it is divided by.
    let most = 0;
    for (let from = 0; from < cache.length; from += width) {
      let own = 0;
      for (let at = from + 2; at < from + width; at += CACHE_COUNTERS) own += cache[at] as number;
      most = Math.max(most, own);
    }
    loads += most;
  }
  const { changes } = toTimeline(recording);
  return {
    placement: (changes[changes.length - 1] as CacheChange).placement,
    newTokensPerStep: newTokens / scored.length,
    expertsMs,
    exchangeMs,
    otherMs: Math.max(0, stepMs - expertsMs - exchangeMs - loadMs),
    loadMs: loads < FEWEST_LOADS ? undefined : (loadMs * scored.length) / loads,
  };
}
