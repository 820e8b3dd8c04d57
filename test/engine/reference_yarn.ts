/** Rotary frequencies, the factor on cos and sin, and m of the score scale, by the sheet's YaRN. */
export function yarn(theta: number, dim: number, context: number, scaling: Readonly<Record<string, unknown>> | null) {
  const plain = Array.from({ length: dim / 2 }, (_, i) => theta ** ((-2 * i) / dim));
  if (scaling === null) return { frequencies: plain, factor: 1, m: 1 };
  const value = (key: string, otherwise: number) => (scaling[key] ?? otherwise) as number;
  const original = value('original_max_position_embeddings', context);
  const s = value('factor', context / original);
  const c = (turns: number) => (dim * Math.log(original / (2 * Math.PI * turns))) / (2 * Math.log(theta));
  let [lo, hi] = [c(value('beta_fast', 32)), c(value('beta_slow', 1))];
  if (scaling.truncate !== false) [lo, hi] = [Math.floor(lo), Math.ceil(hi)];
  lo = Math.max(lo, 0);
  hi = Math.min(hi, dim - 1);
  if (lo === hi) hi += 0.001;
  const g = (m: number) => (s <= 1 ? 1 : 0.1 * m * Math.log(s) + 1);
  const [mscale, all] = [value('mscale', 0), value('mscale_all_dim', 0)];
  return {
    frequencies: plain.map((f, i) => {
      const ramp = Math.min(1, Math.max(0, (i - lo) / (hi - lo)));
      return (ramp * f) / s + (1 - ramp) * f;
    }),
    factor: value('attention_factor', mscale !== 0 && all !== 0 ? g(mscale) / g(all) : g(1)),
    m: all === 0 ? 1 : g(all),
  };
}
