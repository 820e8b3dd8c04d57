import { contiguous } from '../balancing/placement.ts';
import type { ExpertsQuestion } from '../replay/experts_map.ts';
import type { CacheChange } from '../replay/replay_cache.ts';
import { toTimeline } from '../report/recording.ts';
import type { LabMaterial } from './lab_source.ts';

/** A source's experts with the caches they ran under, or for a trace with some that tell busy experts from idle ones. */
export function expertsQuestion({ subject, trace, recording }: LabMaterial): ExpertsQuestion {
  const timeline = recording === undefined ? { changes: [pretended(trace)] } : toTimeline(recording);
  const last = timeline.changes[timeline.changes.length - 1] as CacheChange;
  const caches = { recorded: recording !== undefined, policy: last.eviction, slots: last.slotsPerLayer };
  return { subject, caches, trace, timeline };
}

function pretended({ moeLayers, experts }: LabMaterial['trace']): CacheChange {
  const slotsPerLayer = Math.max(1, Math.floor(experts / 2));
  return { atStep: 0, slotsPerLayer, eviction: 'lru', placement: contiguous(moeLayers, experts, 1) };
}
