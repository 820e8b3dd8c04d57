import type { LayerPlacement, SplitName } from '../../engine/balancing/placement.ts';

/** Rows of each copy, dealt one row after the other as the definitions say [copies]. */
export function splitByHand(
  { firstCopy, deviceOf }: LayerPlacement,
  devices: number,
  split: SplitName,
  totals: ArrayLike<number>,
): number[] {
  const rows = new Array<number>(deviceOf.length).fill(0);
  const copies = (expert: number) =>
    [...rows.keys()].filter((copy) => copy >= (firstCopy[expert] ?? 0) && copy < (firstCopy[expert + 1] ?? 0));
  const give = (copy: number) => {
    rows[copy] = (rows[copy] ?? 0) + 1;
  };
  const experts = Array.from({ length: firstCopy.length - 1 }, (_, expert) => expert);
  if (split === 'equal') {
    for (const expert of experts) {
      const own = copies(expert);
      for (let row = 0; row < (totals[expert] ?? 0); row++) give(own[(expert + row) % own.length] ?? -1);
    }
    return rows;
  }
  const load = new Array<number>(devices).fill(0);
  const hosts = (expert: number) => new Set(copies(expert).map((copy) => deviceOf[copy])).size;
  for (const expert of experts.sort((a, b) => hosts(a) - hosts(b) || a - b)) {
    for (let row = 0; row < (totals[expert] ?? 0); row++) {
      const [first = -1, ...rest] = copies(expert);
      const on = (copy: number) => load[deviceOf[copy] ?? -1] ?? 0;
      const least = rest.reduce((best, copy) => (on(copy) < on(best) ? copy : best), first);
      give(least);
      load[deviceOf[least] ?? -1] = on(least) + 1;
    }
  }
  return rows;
}
