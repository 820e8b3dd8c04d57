import fc from 'fast-check';
import type { LoadHistory } from '../../engine/balancing/placement.ts';

/** Skewed and bursty on purpose: means alone must be able to mislead. */
const tokens = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 1000 }));

export const history: fc.Arbitrary<LoadHistory> = fc
  .record({
    layers: fc.integer({ min: 1, max: 3 }),
    experts: fc.integer({ min: 1, max: 12 }),
    batches: fc.integer({ min: 0, max: 6 }),
  })
  .chain(({ layers, experts, batches }) => {
    const size = layers * experts * batches;
    return fc
      .array(tokens, { minLength: size, maxLength: size })
      .map((counts) => ({ layers, experts, batches, counts: Uint32Array.from(counts) }));
  });

export const devices = fc.integer({ min: 1, max: 16 });
