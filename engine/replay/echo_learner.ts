import type { DeviceRouting } from '../buffering/device_routing.ts';
import type { ActiveSets } from './active_sets.ts';
import { stepSlices } from './miss_counts.ts';

/**
 * Routing echo learns from all layers of a step and not from any cache. So a slice of steps is learnt first, in the order in which
 * ranks meet them, and its scores kept; then each cache may go through the whole slice before the next one's turn, its state being
 * small, with the scores brought back that were known at each step. What it is told again by the caches it knows already.
 */
export class EchoLearner {
  private readonly mostSteps: number;
  private readonly active: Int32Array;
  /** Of a slice [mostSteps, moeLayers, devices, experts]. */
  private readonly kept: Float64Array;
  /** Where `recall` puts them [moeLayers, devices]. */
  private readonly scores: readonly Float64Array[];

  constructor(
    private readonly routings: readonly DeviceRouting[],
    private readonly sets: ActiveSets,
  ) {
    const { moeLayers, devices, experts } = sets;
    this.mostSteps = stepSlices(sets).mostSteps;
    this.active = new Int32Array(experts);
    this.kept = new Float64Array(Math.min(sets.steps, this.mostSteps) * moeLayers * devices * experts);
    this.scores = Array.from({ length: moeLayers * devices }, (_, at) => {
      const { echo } = routings[at % devices] as DeviceRouting;
      return echo.scoresFrom(Math.floor(at / devices), 1);
    });
  }

  learn(step: number): void {
    const { active, sets, routings, kept } = this;
    const { moeLayers, devices, experts, ids, offsets } = sets;
    for (let layer = 0; layer < moeLayers; layer++) {
      const first = (step * moeLayers + layer) * devices;
      // A step that has no token for the layer does not pass there.
      if (offsets[first] === offsets[first + devices]) continue;
      for (let device = 0; device < devices; device++) {
        const begin = offsets[first + device] as number;
        const count = (offsets[first + device + 1] as number) - begin;
        for (let i = 0; i < count; i++) active[i] = ids[begin + i] as number;
        const { echo } = routings[device] as DeviceRouting;
        echo.observe(layer, active, count, echo.events(layer) + 1);
        const scores = this.scores[layer * devices + device] as Float64Array;
        kept.set(scores, this.rowOf(step, layer, device) * experts);
      }
    }
  }

  recall(layer: number, device: number, step: number): void {
    const { experts, devices } = this.sets;
    const at = this.rowOf(step, layer, device) * experts;
    (this.scores[layer * devices + device] as Float64Array).set(this.kept.subarray(at, at + experts));
  }

  private rowOf(step: number, layer: number, device: number): number {
    const { moeLayers, devices } = this.sets;
    return ((step % this.mostSteps) * moeLayers + layer) * devices + device;
  }
}
