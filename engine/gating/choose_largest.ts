/**
 * The k largest of values [at, at + count), by falling value; equal ones by rising index.
 * Insertion into a sorted list of k: k is 1 to 8 and most values fail the first comparison.
 * @param ids receives k indices at `out`
 * @param chosen receives their values at `out`
 */
export function chooseLargest(
  values: Float32Array,
  at: number,
  count: number,
  k: number,
  ids: Uint16Array,
  chosen: Float32Array,
  out: number,
): void {
  let filled = 0;
  for (let id = 0; id < count; id++) {
    const value = values[at + id] as number;
    if (filled === k && !(value > (chosen[out + k - 1] as number))) continue;
    let slot = filled < k ? filled++ : k - 1;
    while (slot > 0 && value > (chosen[out + slot - 1] as number)) {
      chosen[out + slot] = chosen[out + slot - 1] as number;
      ids[out + slot] = ids[out + slot - 1] as number;
      slot--;
    }
    chosen[out + slot] = value;
    ids[out + slot] = id;
  }
}
