import type { Placement } from '../balancing/placement.ts';
import { DeviceRouting } from '../buffering/device_routing.ts';
import { computedMisses } from '../buffering/expert_cache.ts';
import { foreseenOf, type RoutingTrace } from '../trace/trace.ts';
import { DeviceActive } from './device_active.ts';
import { DeviceCaches } from './device_caches.ts';
import type { CacheChange } from './replay_cache.ts';

export interface MissCurveReading {
  /** Steps covered, [fromStep, toStep). */
  readonly fromStep: number;
  readonly toStep: number;
  readonly slots: Int32Array;
  /** misses / accesses by size. */
  readonly missRate: Float32Array;
  /** Mean loads of a step, those ahead included, on the device that had most, by size. */
  readonly missesPerStep: Float32Array;
  /** Mean misses of a step that the host computes, likewise; absent where every miss loads. */
  readonly computedPerStep?: Float32Array;
  /** Mean distinct experts that a step needs, per layer and device. */
  readonly workingSet: number;
}

/**
 * Miss rate against cache size: shadow caches per size and device, fed the growing trace step by step. Exact for every
 * policy, and step by step: a trace that is whole is served quicker by all_sizes.ts and each_size.ts.
 */
export class MissCurveReplay {
  /** By size and device. */
  private readonly caches: readonly (readonly DeviceCaches[])[];
  private readonly active: DeviceActive;
  /** Ring over the window: misses [windowSteps, sizes, devices], accesses [windowSteps]. */
  private readonly misses: Int32Array;
  private readonly loads: Int32Array;
  private readonly accesses: Int32Array;
  /** [windowSteps, sizes, devices]; absent where every miss loads. */
  private readonly computed: Int32Array | undefined;
  private readonly before: Readonly<Record<'misses' | 'loads' | 'computed', Int32Array>>;
  private readonly placement: Placement;
  private first = -1;
  private next = 0;

  constructor(
    private readonly moeLayers: number,
    experts: number,
    settings: Omit<CacheChange, 'slotsPerLayer' | 'atStep'>,
    private readonly slots: Int32Array,
    private readonly windowSteps: number,
  ) {
    const { placement, activeSet, copyAfterRows = [] } = settings;
    const { devices } = placement;
    this.placement = placement;
    this.active = new DeviceActive(placement, experts, activeSet);
    const routing = Array.from({ length: devices }, () => new DeviceRouting(moeLayers, experts));
    this.caches = Array.from(slots, (slotsPerLayer) =>
      routing.map(
        (shared, device) => new DeviceCaches(device, moeLayers, experts, { ...settings, slotsPerLayer }, shared),
      ),
    );
    this.misses = new Int32Array(windowSteps * slots.length * devices);
    this.loads = new Int32Array(windowSteps * slots.length * devices);
    this.accesses = new Int32Array(windowSteps);
    const width = slots.length * devices;
    if (copyAfterRows.some((rows) => rows > 0)) this.computed = new Int32Array(windowSteps * width);
    const zeros = () => new Int32Array(width);
    this.before = { misses: zeros(), loads: zeros(), computed: zeros() };
  }

  /** Steps must come in order; the first may be any. */
  step(trace: RoutingTrace, step: number): void {
    const { placement, active, caches } = this;
    if (this.first === -1) this.first = step;
    let accesses = 0;
    for (let layer = 0; layer < this.moeLayers; layer++) {
      const total = active.scan(trace, step, layer);
      // A step that has no token for the layer does not pass there.
      if (total === 0) continue;
      accesses += total;
      const foreseen = foreseenOf(trace, step, layer);
      for (let device = 0; device < placement.devices; device++) {
        const ids = active.ids[device] as Int32Array;
        const count = active.counts[device] as number;
        // All ask before any of them is told: they share what the device learns.
        for (const size of caches) (size[device] as DeviceCaches).replayPrefetch(layer, foreseen);
        for (const size of caches) (size[device] as DeviceCaches).replayEvent(layer, ids, count, active.rows[device]);
      }
    }
    this.note(step % this.windowSteps, accesses);
    this.next = step + 1;
  }

  /** @param notBefore steps before it are left out (the cold start) */
  read(notBefore = 0): MissCurveReading {
    const { slots, placement, moeLayers } = this;
    const fromStep = Math.max(this.first, this.next - this.windowSteps, notBefore);
    const steps = Math.max(1, this.next - fromStep);
    const devices = placement.devices;
    const sums = new Float64Array(slots.length * devices);
    const loads = new Float64Array(slots.length * devices);
    const computed = new Float64Array(slots.length * devices);
    let accesses = 0;
    for (let step = fromStep; step < this.next; step++) {
      const at = step % this.windowSteps;
      accesses += this.accesses[at] as number;
      for (let i = 0; i < sums.length; i++) {
        sums[i] = (sums[i] as number) + (this.misses[at * sums.length + i] as number);
        loads[i] = (loads[i] as number) + (this.loads[at * sums.length + i] as number);
        computed[i] = (computed[i] as number) + (this.computed?.[at * sums.length + i] ?? 0);
      }
    }
    const missRate = new Float32Array(slots.length);
    const most = (counts: Float64Array, size: number) =>
      Math.max(...counts.subarray(size * devices, (size + 1) * devices)) / steps;
    const missesPerStep = Float32Array.from(slots, (_, size) => most(loads, size));
    for (let size = 0; size < slots.length; size++) {
      const byDevice = sums.subarray(size * devices, (size + 1) * devices);
      missRate[size] = accesses === 0 ? 0 : byDevice.reduce((sum, value) => sum + value, 0) / accesses;
    }
    return {
      fromStep,
      toStep: this.next,
      slots,
      missRate,
      missesPerStep,
      ...(this.computed && { computedPerStep: Float32Array.from(slots, (_, size) => most(computed, size)) }),
      workingSet: accesses / steps / moeLayers / devices,
    };
  }

  /** Enters what each size missed and loaded in this step into the rings. */
  private note(at: number, accesses: number): void {
    const { before, misses, loads } = this;
    const { devices } = this.placement;
    this.accesses[at] = accesses;
    for (const [size, byDevice] of this.caches.entries()) {
      for (const [device, caches] of byDevice.entries()) {
        let missed = 0;
        let loaded = 0;
        let ahead = 0;
        for (let layer = 0; layer < this.moeLayers; layer++) {
          const counters = caches.countersOf(layer);
          missed += counters.misses;
          loaded += counters.loads;
          ahead += caches.prefetchesOf(layer).loads;
        }
        const index = size * devices + device;
        misses[at * before.misses.length + index] = missed - (before.misses[index] as number);
        loads[at * before.loads.length + index] = loaded - (before.loads[index] as number);
        const computed = computedMisses({ misses: missed, loads: loaded }, ahead);
        if (this.computed !== undefined)
          this.computed[at * before.computed.length + index] = computed - (before.computed[index] as number);
        before.misses[index] = missed;
        before.loads[index] = loaded;
        before.computed[index] = computed;
      }
    }
  }
}

/**
 * Sizes for a curve, ascending: every one where there are few, else `most` of them about evenly by ratio.
 * @param most at least 2: the first is always 1, the last all of a device's experts
 */
export function curveSizes(expertsPerDevice: number, most: number): Int32Array {
  if (expertsPerDevice <= most) return Int32Array.from({ length: expertsPerDevice }, (_, index) => index + 1);
  const sizes = new Int32Array(most).fill(1);
  for (let i = 1; i < most; i++) {
    // The ratio is taken anew each time: small sizes can only grow by whole slots, and those after them share what is left.
    const last = sizes[i - 1] as number;
    sizes[i] = Math.max(last + 1, Math.round(last * (expertsPerDevice / last) ** (1 / (most - i))));
  }
  return sizes;
}
