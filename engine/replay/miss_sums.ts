import type { ActiveSets } from './active_sets.ts';
import { Depths } from './depths.ts';
import type { MissCounts } from './miss_counts.ts';

/** Adds up what stack sweeps find in slices of steps. */
export class MissSums {
  private readonly depths: Depths;
  private readonly moeLayers: number;
  private readonly devices: number;
  /** By layer, all devices [moeLayers, m]. */
  private readonly byLayer: Float64Array[];
  /** Of the device that missed most in each step, over all steps [m]. */
  private readonly slowest: Float64Array;

  /** @param depths how deep a stack is at most @param slots ascending [m] @param sliceSteps the most steps of a slice */
  constructor(
    { moeLayers, devices }: ActiveSets,
    depths: number,
    private readonly slots: readonly number[],
    sliceSteps: number,
  ) {
    this.moeLayers = moeLayers;
    this.devices = devices;
    // With one device nothing is asked of single steps.
    this.depths = new Depths(depths, slots, devices === 1 ? moeLayers : moeLayers * devices * sliceSteps);
    this.byLayer = Array.from({ length: moeLayers }, () => new Float64Array(slots.length));
    this.slowest = new Float64Array(slots.length);
  }

  /** Where the accesses of an event are counted. @param step within the slice */
  open(layer: number, device: number, step: number): Depths {
    this.depths.open(this.devices === 1 ? layer : this.row(layer, device, step));
    return this.depths;
  }

  /** Ends a slice. */
  close(steps: number): void {
    if (this.devices === 1) return;
    const { depths, moeLayers, devices, byLayer, slowest, slots } = this;
    const ofDevice = new Float64Array(slots.length);
    const most = new Float64Array(slots.length);
    for (let step = 0; step < steps; step++) {
      most.fill(0);
      for (let device = 0; device < devices; device++) {
        ofDevice.fill(0);
        for (let layer = 0; layer < moeLayers; layer++) {
          const row = this.row(layer, device, step);
          depths.addTo(ofDevice, row);
          depths.addTo(byLayer[layer] as Float64Array, row);
        }
        for (let i = 0; i < most.length; i++) most[i] = Math.max(most[i] as number, ofDevice[i] as number);
      }
      for (let i = 0; i < most.length; i++) slowest[i] = (slowest[i] as number) + (most[i] as number);
    }
    depths.clear();
  }

  /** @param steps scored */
  counts(steps: number): MissCounts {
    const { depths, byLayer, slots, slowest, devices } = this;
    if (devices === 1) {
      for (const [layer, sums] of byLayer.entries()) depths.addTo(sums, layer);
      depths.clear();
    }
    const misses = slots.map((_, size) => byLayer.reduce((sum, layer) => sum + (layer[size] as number), 0));
    return {
      misses,
      missesPerStep: misses.map((all, size) => (devices === 1 ? all : (slowest[size] as number)) / Math.max(1, steps)),
      byLayer: byLayer.map((sums) => [...sums]),
    };
  }

  private row(layer: number, device: number, step: number): number {
    return (step * this.devices + device) * this.moeLayers + layer;
  }
}
