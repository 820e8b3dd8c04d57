import type { ActiveSets } from './active_sets.ts';
import type { ExpertStack } from './expert_stack.ts';
import { LruStack } from './lru_stack.ts';
import { MinStack, nextUses } from './min_stack.ts';
import { countScored, type MissCounts, stepSlices } from './miss_counts.ts';
import { MissSums } from './miss_sums.ts';
import type { Pace } from './pace.ts';

export interface AllSizes extends MissCounts {
  /** First uses among the scored accesses. */
  readonly coldMisses: number;
}

/**
 * LRU or MIN at every size in one pass over the trace (lru_stack.ts, min_stack.ts).
 * @param scored 1 where a step counts [steps] @param slots per layer and device, ascending [m]
 */
export async function replayAllSizes(
  policy: 'lru' | 'min',
  sets: ActiveSets,
  scored: Uint8Array,
  slots: readonly number[],
  pace: Pace,
): Promise<AllSizes> {
  const { moeLayers, devices, experts, ids, offsets } = sets;
  const stacks = moeLayers * devices;
  const next = policy === 'min' ? nextUses(sets) : undefined;
  const sweeps = Array.from({ length: stacks }, () =>
    next === undefined ? new LruStack(experts) : new MinStack(experts, next),
  );
  const slices = stepSlices(sets);
  const sums = new MissSums(sets, experts, slots, slices.mostSteps);
  let coldMisses = 0;
  for (const [fromStep, toStep] of slices.list) {
    for (let layer = 0; layer < moeLayers; layer++) {
      for (let device = 0; device < devices; device++) {
        const stack = layer * devices + device;
        for (let step = fromStep; step < toStep; step++) {
          const from = offsets[step * stacks + stack] as number;
          const to = offsets[step * stacks + stack + 1] as number;
          if (from === to) continue;
          const depths = scored[step] === 1 ? sums.open(layer, device, step - fromStep) : undefined;
          const cold = (sweeps[stack] as ExpertStack).event(ids, from, to, depths);
          if (depths !== undefined) coldMisses += cold;
        }
      }
    }
    sums.close(toStep - fromStep);
    await pace.rest();
  }
  return { ...sums.counts(countScored(scored)), coldMisses };
}
