import type { MissCurve } from '../../../engine/protocol/telemetry.ts';

/** A curve over 1..64 slots with the given miss rates; 100 accesses a step. */
export function missCurve({ rate, ...rest }: { rate: (slots: number) => number } & Partial<MissCurve>): MissCurve {
  const slots = Int32Array.from({ length: 64 }, (_, i) => i + 1);
  return {
    eviction: 'lru',
    fromStep: 0,
    toStep: 100,
    slots,
    missRate: Float32Array.from(slots, rate),
    missesPerStep: Float32Array.from(slots, (s) => 100 * rate(s)),
    measured: { slots: 24, missRate: rate(24), fromStep: 0, toStep: 100, sinceStart: true, tokensPerSecond: 800 },
    workingSet: 21,
    baseStepMs: 5,
    loadMs: 0.5,
    newTokensPerStep: 8,
    slotsThatFit: 54,
    recommended: { slots: 28, reason: 'the smallest size within 1% of all-resident speed' },
    ...rest,
  };
}
