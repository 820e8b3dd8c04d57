import type { CacheRow, CacheTable, ReplayPolicy } from '../../../engine/protocol/labs.ts';

/** What the Cache lab computes from its table: pure, so that a test can check the window's numbers against the command line's. */

/** Shares of the scored accesses; they add up to 1. */
export interface Losses {
  /** First uses: a cache of any size misses them. */
  readonly cold: number;
  /** What MIN misses beyond: the size is too small for the workload, whatever the policy. */
  readonly capacity: number;
  /** What this policy misses beyond MIN. */
  readonly policy: number;
  readonly hits: number;
}

export const minRow = (table: CacheTable): CacheRow | undefined => table.rows.find(({ policy }) => policy === 'min');

export function lossesAt(table: CacheTable, row: CacheRow, size: number): Losses {
  const accesses = Math.max(1, table.scored.accesses);
  const misses = row.misses[size] ?? 0;
  // Loads ahead may save what MIN, without them, misses.
  const least = Math.min(misses, minRow(table)?.misses[size] ?? misses);
  const cold = Math.min(table.coldMisses, least);
  return {
    cold: cold / accesses,
    capacity: (least - cold) / accesses,
    policy: (misses - least) / accesses,
    hits: 1 - misses / accesses,
  };
}

/**
 * Index of the size that is shown until one is pinned: the one in force, but where that holds every expert, and so tells nothing
 * about caches, the first that holds one step's; without a run the first that holds two steps'.
 */
export function firstSize({ slots, inForce, workingSet }: CacheTable): number {
  const last = slots.length - 1;
  if (inForce !== undefined) {
    const at = nearestSize(slots, inForce.slots);
    return at < last
      ? at
      : Math.max(
          0,
          slots.findIndex((size) => size >= workingSet),
        );
  }
  const enough = slots.findIndex((size) => size >= 2 * workingSet);
  return enough < 0 ? last : enough;
}

export function nearestSize(slots: readonly number[], wanted: number): number {
  let best = 0;
  slots.forEach((size, index) => {
    if (Math.abs(size - wanted) < Math.abs((slots[best] ?? 0) - wanted)) best = index;
  });
  return best;
}

/** Row of a policy; one that the table lacks falls back to the one in force, then to the first that can run. */
export function rowOf(table: CacheTable, policy: ReplayPolicy | undefined): CacheRow | undefined {
  const find = (name: ReplayPolicy | undefined) => table.rows.find((row) => row.policy === name);
  return find(policy) ?? find(table.inForce?.policy) ?? find(table.byLayer.policy) ?? table.rows[0];
}

/** Rows from the fewest misses at a size to the most; MIN, which is the floor, first. */
export function ranked(table: CacheTable, size: number): readonly CacheRow[] {
  const place = (row: CacheRow) => (row.policy === 'min' ? -1 : (row.misses[size] ?? 0));
  return [...table.rows].sort((a, b) => place(a) - place(b));
}

export interface ProjectedCost {
  readonly stepMs: number;
  readonly tokensPerSecond: number;
  /** Largest of a device: everything but the experts, and every slot filled. */
  readonly bytes: number;
}

/** Undefined where the source does not know what a load costs. */
export function costAt({ cost, slots }: CacheTable, row: CacheRow, size: number): ProjectedCost | undefined {
  if (cost === undefined) return undefined;
  const stepMs = cost.baseStepMs + (row.missesPerStep[size] ?? 0) * cost.loadMs;
  return {
    stepMs,
    tokensPerSecond: stepMs > 0 ? (cost.newTokensPerStep * 1000) / stepMs : 0,
    bytes: cost.fixedBytes + (slots[size] ?? 0) * cost.bytesPerSlot,
  };
}

export interface LayerSlots {
  readonly misses: number;
  readonly equal: number;
  readonly dealt: number;
}

/** Layers at a size: what each misses with equal slots, and the slots that the same total would rather be dealt as. */
export function layerSlots({ byLayer, slots }: CacheTable, size: number): readonly LayerSlots[] {
  return byLayer.misses.map((misses, layer) => ({
    misses: misses[size] ?? 0,
    equal: slots[size] ?? 0,
    dealt: byLayer.allocation[size]?.[layer] ?? slots[size] ?? 0,
  }));
}

export interface Gains {
  /** The policy with the fewest misses among those that can run. */
  readonly best: CacheRow;
  /** Share of requests that it saves over the chosen one; 0 where that is the best. */
  readonly byPolicy: number;
  /** What the next larger size saves under the chosen policy; undefined at the largest. */
  readonly bySize: { readonly slots: number; readonly share: number } | undefined;
}

/** Is it the policy or the size: what changing either would save. Undefined where nothing that can run is in the table. */
export function gainsAt(table: CacheTable, row: CacheRow, size: number): Gains | undefined {
  const best = ranked(table, size).find(({ policy }) => policy !== 'min');
  if (best === undefined) return undefined;
  const rate = (of: CacheRow, at: number) => of.missRate[at] ?? 0;
  const slots = table.slots[size + 1];
  return {
    best,
    byPolicy: Math.max(0, rate(row, size) - rate(best, size)),
    bySize: slots === undefined ? undefined : { slots, share: rate(row, size) - rate(row, size + 1) },
  };
}
