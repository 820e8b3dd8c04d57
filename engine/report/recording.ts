import type { Placement } from '../balancing/placement.ts';
import { GATING_POLICIES } from '../gating/policies.ts';
import type { RecordedSettings, RunRecording } from '../protocol/run_recording.ts';
import type { CacheTimeline } from '../replay/replay_cache.ts';
import { type RoutingTrace, RoutingTraceBuilder } from '../trace/trace.ts';

/** The routing trace of a recorded run: what replay, placement and the labs work on. */
export function toTrace({ header, steps }: Pick<RunRecording, 'header' | 'steps'>): RoutingTrace {
  const { moeLayers, experts, topK } = header;
  const builder = new RoutingTraceBuilder({ moeLayers, experts, topK });
  for (const step of steps) builder.appendStep(step);
  return builder;
}

/** The settings that caches ran under, in the form that replay takes. */
export function toTimeline({ header, settings }: Pick<RunRecording, 'header' | 'settings'>): CacheTimeline {
  return {
    changes: settings.map((change, index) => ({
      cold: change.lost.length > (settings[index - 1]?.lost.length ?? 0),
      atStep: change.atStep,
      slotsPerLayer: change.slotsPerLayer,
      eviction: change.eviction,
      activeSet: GATING_POLICIES[change.settings.gating].activeSet,
      prefetch: change.settings.prefetch,
      scope: change.settings.cacheScope,
      copyAfterRows: change.copyAfterRows,
      placement: toPlacement(change.placement, header.moeLayers, header.experts),
    })),
  };
}

function toPlacement(
  { devices, split, copies, deviceOf }: RecordedSettings['placement'],
  moeLayers: number,
  experts: number,
): Placement {
  let at = 0;
  const layers = Array.from({ length: moeLayers }, (_, layer) => {
    const firstCopy = new Int32Array(experts + 1);
    for (let expert = 0; expert < experts; expert++) {
      firstCopy[expert + 1] = (firstCopy[expert] as number) + (copies[layer * experts + expert] as number);
    }
    const from = at;
    at += firstCopy[experts] as number;
    return { firstCopy, deviceOf: deviceOf.slice(from, at) };
  });
  return { devices, split, layers };
}
