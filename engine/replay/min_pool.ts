import type { ActiveSets } from './active_sets.ts';
import { slotsOf } from './device_caches.ts';
import { MinStack, nextUses } from './min_stack.ts';
import { countScored, type MissCounts, stepSlices } from './miss_counts.ts';
import { MissSums } from './miss_sums.ts';
import type { Pace } from './pace.ts';

/**
 * MIN for slots that all layers of a device share, at every size in one pass: an event is then a moment of its own, a layer after the
 * other, and an id the layer's number times E plus the expert.
 * @param scored 1 where a step counts [steps] @param slots per layer and device, ascending [m]
 */
export async function replayMinPool(
  sets: ActiveSets,
  scored: Uint8Array,
  slots: readonly number[],
  pace: Pace,
): Promise<MissCounts> {
  const { moeLayers, devices, experts, offsets } = sets;
  const pooled = asOneLayer(sets);
  const next = nextUses(pooled);
  const stacks = Array.from({ length: devices }, () => new MinStack(moeLayers * experts, next));
  const slices = stepSlices(sets);
  const sums = new MissSums(sets, moeLayers * experts, poolSizes(sets, slots), slices.mostSteps);
  for (const [fromStep, toStep] of slices.list) {
    for (let step = fromStep; step < toStep; step++) {
      for (let layer = 0; layer < moeLayers; layer++) {
        for (let device = 0; device < devices; device++) {
          const event = (step * moeLayers + layer) * devices + device;
          const [from, to] = [offsets[event] as number, offsets[event + 1] as number];
          if (from === to) continue;
          const depths = scored[step] === 1 ? sums.open(layer, device, step - fromStep) : undefined;
          (stacks[device] as MinStack).event(pooled.ids, from, to, depths);
        }
      }
    }
    sums.close(toStep - fromStep);
    await pace.rest();
  }
  return sums.counts(countScored(scored));
}

/** Every event a step of a single layer that has all experts. */
function asOneLayer({ steps, moeLayers, devices, experts, ids, offsets, held }: ActiveSets): ActiveSets {
  const pooled = Int32Array.from(ids);
  for (let event = 0; event < offsets.length - 1; event++) {
    const base = (Math.floor(event / devices) % moeLayers) * experts;
    for (let i = offsets[event] as number; i < (offsets[event + 1] as number); i++)
      pooled[i] = base + (ids[i] as number);
  }
  return { steps: steps * moeLayers, moeLayers: 1, devices, experts: moeLayers * experts, ids: pooled, offsets, held };
}

/** Slots of a pool by size [m]; where devices hold unequally many, of the largest: no device then misses more than MIN would. */
function poolSizes({ moeLayers, devices, held }: ActiveSets, slots: readonly number[]): number[] {
  const ofDevice = (device: number) =>
    Array.from({ length: moeLayers }, (_, layer) => held[layer * devices + device] as number);
  const all = Array.from({ length: devices }, (_, device) => ofDevice(device));
  return slots.map((size) => Math.max(...all.map((layers) => slotsOf(layers, size))));
}
