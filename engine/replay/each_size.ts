import { DeviceRouting } from '../buffering/device_routing.ts';
import { ExpertCache } from '../buffering/expert_cache.ts';
import { POLICIES } from '../buffering/policies.ts';
import type { CacheScope, EvictionName } from '../protocol/settings.ts';
import type { ActiveSets } from './active_sets.ts';
import { slotsOf } from './device_caches.ts';
import { EchoLearner } from './echo_learner.ts';
import { countScored, type MissCounts, stepSlices } from './miss_counts.ts';
import type { Pace } from './pace.ts';

/** One layer's cache on one device. */
export interface StepCache {
  /** @param active the step's experts, ascending, in the `count` places from `from` on @returns its misses */
  serve(active: Int32Array, from: number, count: number): number;
}

/** Slots per device by layer, at m sizes [m][moeLayers]. */
export type SlotsBySize = readonly ArrayLike<number>[];

export interface CachesBySize {
  /** [moeLayers * devices][m] */
  readonly caches: readonly (readonly StepCache[])[];
  /**
   * `by layer`: a cache may go through many steps before the next one's turn, which is quicker, its state being small. `by step`
   * where caches share slots with other layers.
   */
  readonly order: 'by layer' | 'by step';
  /** Where caches learn from all layers. */
  readonly learner?: EchoLearner;
}

/**
 * The expert caches that ranks run, with nothing behind them. What a device learns of its routing does not depend on the size, so
 * all sizes share it.
 */
export function expertCaches(
  eviction: EvictionName,
  sets: ActiveSets,
  slots: SlotsBySize,
  scope: CacheScope = 'layer',
): CachesBySize {
  const { moeLayers, devices, experts } = sets;
  const routings = Array.from({ length: devices }, () => new DeviceRouting(moeLayers, experts));
  if (scope === 'device') return { caches: pools(eviction, sets, slots, routings), order: 'by step' };
  const caches = cachesOf(
    sets,
    slots,
    (size, layer, device) =>
      new ExpertCache(experts, size, eviction, { routing: routings[device] as DeviceRouting, layer }),
  );
  const learner = POLICIES[eviction].learnsOverLayers && new EchoLearner(routings, sets);
  return { caches, order: 'by layer', ...(learner && { learner }) };
}

/** A pool a size and device, with the slots of all layers. */
function pools(
  eviction: EvictionName,
  { moeLayers, devices, experts, held }: ActiveSets,
  slots: SlotsBySize,
  routings: readonly DeviceRouting[],
): CachesBySize['caches'] {
  const bySize = routings.map((routing, device) =>
    slots.map((byLayer) => {
      const sizes = Array.from(byLayer, (size, layer) => slotsOf([held[layer * devices + device] as number], size));
      const all = sizes.reduce((sum, size) => sum + size, 0);
      return new ExpertCache(experts, all, eviction, { routing, layer: 0, layers: moeLayers });
    }),
  );
  return Array.from({ length: moeLayers * devices }, (_, at) =>
    (bySize[at % devices] as readonly ExpertCache[]).map((cache) => ({
      serve: (active, from, count) => cache.serve(active, from, count, Math.floor(at / devices)),
    })),
  );
}

/** No cache is larger than what its device holds of the layer, nor smaller than one slot. */
export function cachesOf(
  { moeLayers, devices, held }: ActiveSets,
  slots: SlotsBySize,
  create: (size: number, layer: number, device: number) => StepCache,
): CachesBySize['caches'] {
  return Array.from({ length: moeLayers * devices }, (_, at) => {
    const layer = Math.floor(at / devices);
    return slots.map((byLayer) => create(slotsOf([held[at] as number], byLayer[layer] as number), layer, at % devices));
  });
}

/**
 * Any policy at m sizes together, over sets that were scanned before.
 * @param scored 1 where a step counts [steps]
 */
export async function replayEachSize(
  caches: CachesBySize,
  sets: ActiveSets,
  scored: Uint8Array,
  pace: Pace,
): Promise<MissCounts> {
  const { moeLayers, devices } = sets;
  const slices = stepSlices(sets);
  const counts = new SizeCounts(caches.caches, sets, scored, slices.mostSteps);
  const { learner } = caches;
  for (const [fromStep, toStep] of slices.list) {
    if (caches.order === 'by step') {
      for (let step = fromStep; step < toStep; step++) {
        for (let layer = 0; layer < moeLayers; layer++) {
          for (let device = 0; device < devices; device++) counts.serveAll(layer, device, step, step + 1);
        }
        await pace.rest();
      }
    } else {
      if (learner !== undefined) {
        for (let step = fromStep; step < toStep; step++) {
          learner.learn(step);
          await pace.rest();
        }
      }
      for (let layer = 0; layer < moeLayers; layer++) {
        for (let device = 0; device < devices; device++) counts.serveAll(layer, device, fromStep, toStep, learner);
        await pace.rest();
      }
    }
    counts.closeSlice(toStep - fromStep);
  }
  return counts.counts();
}

class SizeCounts {
  readonly sizes: number;
  private active: Int32Array;
  /** Where each step's begin in it, the first being of step `gatheredFrom`. */
  private readonly begins: Int32Array;
  private gatheredFrom = 0;
  /** [moeLayers, m] */
  private readonly byLayer: Float64Array;
  /** Of a slice [steps, devices, m]. */
  private readonly ofDevice: Float64Array;
  /** Of the device that missed most in each step [m]. */
  private readonly slowest: Float64Array;

  constructor(
    private readonly caches: CachesBySize['caches'],
    private readonly sets: ActiveSets,
    private readonly scored: Uint8Array,
    private readonly mostSteps: number,
  ) {
    this.sizes = caches[0]?.length ?? 0;
    this.active = new Int32Array(sets.experts);
    this.begins = new Int32Array(mostSteps + 1);
    this.byLayer = new Float64Array(sets.moeLayers * this.sizes);
    this.ofDevice = new Float64Array(mostSteps * sets.devices * this.sizes);
    this.slowest = new Float64Array(this.sizes);
  }

  /** Steps [from, to) of a layer's caches of every size. */
  serveAll(layer: number, device: number, from: number, to: number, learner?: EchoLearner): void {
    this.gather(layer, device, from, to);
    const bySize = this.caches[layer * this.sets.devices + device] as readonly StepCache[];
    // What was learnt is brought back once a step for all sizes; without it each goes through all steps before the next one's turn.
    const stride = learner === undefined ? to - from : 1;
    for (let step = from; step < to; step += stride) {
      learner?.recall(layer, device, step);
      for (let size = 0; size < bySize.length; size++) {
        this.serve(bySize[size] as StepCache, layer, device, size, step, step + stride);
      }
    }
  }

  /** The layer's active sets, one behind the other: all sizes read them. */
  private gather(layer: number, device: number, from: number, to: number): void {
    const { begins } = this;
    const { moeLayers, devices, ids, offsets } = this.sets;
    let { active } = this;
    let end = 0;
    for (let step = from; step < to; step++) {
      begins[step - from] = end;
      const event = (step * moeLayers + layer) * devices + device;
      const last = offsets[event + 1] as number;
      const first = offsets[event] as number;
      if (end + last - first > active.length) active = larger(active, end + last - first);
      for (let at = first; at < last; at++) active[end++] = ids[at] as number;
    }
    this.active = active;
    this.gatheredFrom = from;
    begins[to - from] = end;
  }

  private serve(cache: StepCache, layer: number, device: number, size: number, from: number, to: number): void {
    const { sets, scored, active, begins, gatheredFrom, sizes, ofDevice, byLayer } = this;
    const { moeLayers, devices, offsets } = sets;
    let scoredMisses = 0;
    for (let step = from; step < to; step++) {
      const first = (step * moeLayers + layer) * devices;
      // A step that has no token for the layer does not pass there.
      if (offsets[first] === offsets[first + devices]) continue;
      const begin = begins[step - gatheredFrom] as number;
      const misses = cache.serve(active, begin, (begins[step - gatheredFrom + 1] as number) - begin);
      if (scored[step] === 0) continue;
      scoredMisses += misses;
      if (devices > 1) add(ofDevice, ((step % this.mostSteps) * devices + device) * sizes + size, misses);
    }
    add(byLayer, layer * sizes + size, scoredMisses);
  }

  closeSlice(steps: number): void {
    const { sizes, ofDevice, slowest } = this;
    const { devices } = this.sets;
    // With one device nothing is asked of single steps.
    if (devices === 1) return;
    for (let step = 0; step < steps; step++) {
      for (let size = 0; size < sizes; size++) {
        let most = 0;
        for (let device = 0; device < devices; device++) {
          most = Math.max(most, ofDevice[(step * devices + device) * sizes + size] as number);
        }
        add(slowest, size, most);
      }
    }
    ofDevice.fill(0);
  }

  counts(): MissCounts {
    const { sizes, byLayer, slowest } = this;
    const { devices, moeLayers } = this.sets;
    const rows = Array.from({ length: moeLayers }, (_, layer) => [
      ...byLayer.subarray(layer * sizes, (layer + 1) * sizes),
    ]);
    const misses = Array.from({ length: sizes }, (_, size) =>
      rows.reduce((sum, row) => sum + (row[size] as number), 0),
    );
    const steps = Math.max(1, countScored(this.scored));
    return {
      misses,
      missesPerStep: misses.map((all, size) => (devices === 1 ? all : (slowest[size] as number)) / steps),
      byLayer: rows,
    };
  }
}

function add(sums: Float64Array, at: number, value: number): void {
  sums[at] = (sums[at] as number) + value;
}

function larger(array: Int32Array, least: number): Int32Array {
  const longer = new Int32Array(Math.max(least, 2 * array.length));
  longer.set(array);
  return longer;
}
