/**
 * Deals slots to layers by marginal gain: each goes where it saves most misses. Curves are taken at their lower convex hull, so
 * that a layer which gains nothing from one slot more but much from five is not passed over.
 * @param curves misses by size, from size 1 on, per layer [layers][sizes]
 * @param totals slots in all, each at least one per layer
 * @returns slots by layer for each total [totals][layers]
 */
export function allocateSlots(curves: readonly ArrayLike<number>[], totals: readonly number[]): number[][] {
  const gains = curves.map(hullGains);
  const given = curves.map(() => 1);
  let dealt = curves.length;
  const most = curves.reduce((sum, curve) => sum + curve.length, 0);
  const order = totals
    .map((total, index) => ({ total: Math.min(total, most), index }))
    .sort((a, b) => a.total - b.total);
  const allocations: number[][] = totals.map(() => []);
  for (const { total, index } of order) {
    for (; dealt < total; dealt++) {
      const layer = neediest(gains, given);
      given[layer] = (given[layer] as number) + 1;
    }
    allocations[index] = [...given];
  }
  return allocations;
}

/** Of several layers that gain alike the one with the fewest slots. */
function neediest(gains: readonly Float64Array[], given: readonly number[]): number {
  let best = -1;
  let bestGain = Number.NEGATIVE_INFINITY;
  for (let layer = 0; layer < gains.length; layer++) {
    const slots = given[layer] as number;
    const gain = gains[layer]?.[slots - 1];
    if (gain === undefined) continue;
    if (gain > bestGain || (gain === bestGain && slots < (given[best] as number))) {
      best = layer;
      bestGain = gain;
    }
  }
  return best;
}

/** What each slot after the first saves, along the lower convex hull of the curve: never rising [sizes - 1]. */
function hullGains(curve: ArrayLike<number>): Float64Array {
  const hull: number[] = [];
  const at = (index: number) => curve[index] as number;
  const saves = (from: number, to: number) => (at(from) - at(to)) / (to - from);
  for (let size = 0; size < curve.length; size++) {
    while (hull.length >= 2) {
      const [before, last] = hull.slice(-2) as [number, number];
      if (saves(before, last) > saves(before, size)) break;
      hull.pop();
    }
    hull.push(size);
  }
  const gains = new Float64Array(Math.max(0, curve.length - 1));
  for (let i = 1; i < hull.length; i++) {
    const [from, to] = [hull[i - 1] as number, hull[i] as number];
    gains.fill(saves(from, to), from, to);
  }
  return gains;
}
