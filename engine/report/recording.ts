import type { Placement } from '../balancing/placement.ts';
import type { RecordedSettings, RunRecording } from '../protocol/run_recording.ts';
import type { CacheTimeline } from '../replay/replay_cache.ts';
import { type RoutingTrace, RoutingTraceBuilder } from '../trace/trace.ts';

/** The routing trace of a recorded run: what replay, placement and the labs work on. */
export function toTrace({ header, steps }: Pick<RunRecording, 'header' | 'steps'>): RoutingTrace {
  const { moeLayers, experts, topK } = header;
  const builder = new RoutingTraceBuilder({ moeLayers, experts, topK });
  for (const { tokens, ids, weights, request, position, phase } of steps) {
    builder.appendStep({ tokens, ids, weights, request, position, phase });
  }
  return builder;
}

/** The settings that caches ran under, in the form that replay takes. */
export function toTimeline({ header, settings }: Pick<RunRecording, 'header' | 'settings'>): CacheTimeline {
  return {
    changes: settings.map((change) => ({
      atStep: change.atStep,
      slotsPerLayer: change.slotsPerLayer,
      eviction: change.settings.eviction,
      placement: toPlacement(change.placement, header.moeLayers, header.experts),
    })),
  };
}

function toPlacement({ devices, deviceOf }: RecordedSettings['placement'], layers: number, experts: number): Placement {
  const row = (layer: number) => deviceOf.slice(layer * experts, (layer + 1) * experts);
  return { devices, deviceOf: Array.from({ length: layers }, (_, layer) => row(layer)) };
}
