import { type MissCurve, projectedStepMs } from '../../engine/protocol/telemetry.ts';

/** What a cache size means, before it is chosen. */
export interface Prediction {
  /** Slots per layer and device. */
  readonly slots: number;
  /** 1 - misses / accesses. Replayed from the recorded trace. */
  readonly hitRate: number;
  /** Loads: mean over the window, slowest device. Replayed. */
  readonly missesPerStep: number;
  /** Projected: newTokensPerStep / projectedStepMs. Undefined before the first step was timed. */
  readonly tokensPerSecond: number | undefined;
}

/** Reads the curve at `slots`, straight between its points, level beyond its ends. Undefined on an empty curve. */
export function predict(curve: MissCurve, slots: number): Prediction | undefined {
  if (curve.slots.length === 0) return undefined;
  const missRate = readAt(curve.slots, curve.missRate, slots);
  const missesPerStep = readAt(curve.slots, curve.missesPerStep, slots);
  const stepMs = projectedStepMs(curve, (values) => readAt(curve.slots, values, slots));
  const tokensPerSecond = stepMs > 0 ? (curve.newTokensPerStep * 1000) / stepMs : undefined;
  return { slots, hitRate: 1 - missRate, missesPerStep, tokensPerSecond };
}

function readAt(xs: Int32Array, ys: Float32Array, x: number): number {
  let above = xs.findIndex((candidate) => candidate >= x);
  if (above === -1) above = xs.length - 1;
  const x1 = xs[above] ?? 0;
  const y1 = ys[above] ?? 0;
  if (above === 0 || x >= x1) return y1;
  const x0 = xs[above - 1] ?? 0;
  const y0 = ys[above - 1] ?? 0;
  return y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
}

/** Bytes of one device's expert cache: every slot of every MoE layer filled. */
export const expertCacheBytes = (slots: number, moeLayers: number, perExpertBytes: number): number =>
  slots * moeLayers * perExpertBytes;

/**
 * How far the replay is from what the caches counted, over the same steps: by law 4 it must be nothing.
 * Undefined while the replay does not cover the steps that were measured.
 */
export function curveGap(curve: MissCurve, most: number): number | undefined {
  const { measured, fromStep, toStep } = curve;
  if (measured.fromStep !== fromStep || measured.toStep !== toStep || toStep <= fromStep) return undefined;
  const slots = measured.slots === 'all' ? most : measured.slots;
  const predicted = predict(curve, slots);
  return predicted === undefined ? undefined : measured.missRate - (1 - predicted.hitRate);
}
