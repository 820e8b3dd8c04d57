/** From values to places and back to round numbers. */
export interface Scale {
  (value: number): number;
  readonly min: number;
  readonly max: number;
}

export function linearScale(min: number, max: number, from: number, to: number): Scale {
  const span = max - min || 1;
  return Object.assign((value: number) => from + ((value - min) / span) * (to - from), { min, max });
}

/** 1, 2 or 5 times a power of ten, giving about `most` steps over the span; whole where `whole`. */
export function tickStep(span: number, most: number, whole = false): number {
  const raw = span / most || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const nice = [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999) ?? 10;
  return whole ? Math.max(1, Math.round(nice * power)) : nice * power;
}

/** Multiples of the step within [min, max]. */
export function ticks(min: number, max: number, step: number): number[] {
  const first = Math.ceil(min / step - 1e-9);
  const last = Math.floor(max / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => (first + index) * step);
}

/** `value` rounded up to a multiple of the step. */
export function roundUp(value: number, step: number): number {
  return Math.max(step, Math.ceil(value / step - 1e-9) * step);
}
