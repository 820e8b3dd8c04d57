import type { ExpertCopies } from './replicated.ts';

/**
 * Divides one batch's tokens of one layer over the copies of their experts.
 * @param tokens by logical expert [experts]
 * @param perSlot result, tokens by slot [devices * slotsPerDevice]
 */
export type TokenSplit = (tokens: ArrayLike<number>, copies: ExpertCopies, perSlot: Float64Array) => void;

/** Every copy gets the same part, as EPLB reckons; a part need not be whole. */
export function splitEqually(tokens: ArrayLike<number>, { slotsOf }: ExpertCopies, perSlot: Float64Array): void {
  for (const [expert, slots] of slotsOf.entries()) {
    for (const slot of slots) perSlot[slot] = (tokens[expert] as number) / slots.length;
  }
}

/**
 * Levelling: experts on one device first, then, those on fewest devices first, each token of the others to its copy on the device with
 * the least load so far, the first such copy on ties. It needs the batch's counts before any token is sent; the first exchange
 * of dynamic gating has them. Token counts are whole, and so is every part.
 */
export function levelTokens(tokens: ArrayLike<number>, copies: ExpertCopies, perSlot: Float64Array): void {
  const { devices, slotsPerDevice, slotsOf, replicated } = copies;
  const load = new Float64Array(devices);
  const deviceOf = (slot: number) => Math.floor(slot / slotsPerDevice);
  const give = (slot: number, amount: number) => {
    const device = deviceOf(slot);
    perSlot[slot] = (perSlot[slot] as number) + amount;
    load[device] = (load[device] as number) + amount;
  };
  perSlot.fill(0);
  const choice = new Set(replicated);
  for (const [expert, [first]] of slotsOf.entries()) {
    if (first !== undefined && !choice.has(expert)) give(first, tokens[expert] as number);
  }
  for (const expert of replicated) {
    let left = tokens[expert] as number;
    if (left === 0) continue;
    // A second copy on a device is never the first of its least loaded ones.
    const byDevice = (slotsOf[expert] ?? []).filter(
      (slot, at, all) => at === 0 || deviceOf(slot) !== deviceOf(all[at - 1] as number),
    );
    const ascending = byDevice.slice().sort((a, b) => loadOf(a) - loadOf(b) || a - b);
    // Raises the least loaded devices together, from one's load to the next's, as token by token would.
    for (let width = 1; left > 0; width++) {
      const lowest = ascending.slice(0, width).sort((a, b) => a - b);
      const step =
        width < ascending.length ? loadOf(ascending[width] as number) - loadOf(ascending[0] as number) : left;
      const amount = Math.min(left, step * width);
      for (const [at, slot] of lowest.entries()) {
        give(slot, Math.floor(amount / width) + (at < amount % width ? 1 : 0));
      }
      left -= amount;
    }
  }

  function loadOf(slot: number): number {
    return load[deviceOf(slot)] as number;
  }
}
