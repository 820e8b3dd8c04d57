import fc from 'fast-check';
import type { LayerPlacement, LoadHistory, SplitName } from '../../engine/balancing/placement.ts';

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

/** Any placement of one layer, copies on one device included. */
export function layerPlacements(experts: number, count: number): fc.Arbitrary<LayerPlacement> {
  const copies = fc.array(fc.nat(count - 1), { minLength: 1, maxLength: 4 });
  return fc.array(copies, { minLength: experts, maxLength: experts }).map((hosts) => {
    const firstCopy = new Int32Array(experts + 1);
    for (const [expert, own] of hosts.entries()) firstCopy[expert + 1] = (firstCopy[expert] ?? 0) + own.length;
    return { firstCopy, deviceOf: Uint8Array.from(hosts.flatMap((own) => own.sort((a, b) => a - b))) };
  });
}

export const splits: fc.Arbitrary<SplitName> = fc.constantFrom('equal', 'levelled');
