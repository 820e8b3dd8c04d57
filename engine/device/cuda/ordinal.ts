/**
 * The number by which CUDA knows a card in this process: nvidia-smi's own, unless CUDA_VISIBLE_DEVICES names some cards only.
 * @param index nvidia-smi's
 * @returns undefined for a card that is left out, or named there in another way than by number
 */
export function cudaOrdinal(index: number, visible = process.env.CUDA_VISIBLE_DEVICES): number | undefined {
  if (visible === undefined) return index;
  const at = visible.split(',').findIndex((name) => name.trim() === String(index));
  return at === -1 ? undefined : at;
}
