import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowSplit } from '../../engine/balancing/split.ts';
import { layerPlacements, splits } from './histories.ts';
import { splitByHand } from './split_by_hand.ts';

const cases = fc
  .record({ experts: fc.integer({ min: 1, max: 12 }), devices: fc.integer({ min: 1, max: 5 }) })
  .chain(({ experts, devices }) => {
    const batch = fc.array(fc.nat(40), { minLength: experts, maxLength: experts });
    return fc.record({
      devices: fc.constant(devices),
      layer: layerPlacements(experts, devices),
      batches: fc.array(batch, { minLength: 1, maxLength: 3 }),
    });
  });

describe('division of rows over copies', () => {
  it('is what dealing row by row gives, batch after batch', () => {
    fc.assert(
      fc.property(cases, splits, ({ devices, layer, batches }, rule) => {
        const split = new RowSplit(layer, devices, rule);
        for (const totals of batches) {
          split.divide(totals);
          expect([...split.rows]).toEqual(splitByHand(layer, devices, rule, totals));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('loses no row and makes none', () => {
    fc.assert(
      fc.property(cases, splits, ({ devices, layer, batches }, rule) => {
        const split = new RowSplit(layer, devices, rule);
        for (const totals of batches) {
          split.divide(totals);
          for (const [expert, total] of totals.entries()) {
            const rows = split.rows.subarray(layer.firstCopy[expert], layer.firstCopy[expert + 1]);
            expect(Math.min(...rows)).toBeGreaterThanOrEqual(0);
            expect(rows.reduce((sum, value) => sum + value, 0)).toBe(total);
          }
        }
      }),
    );
  });

  it('spreads single rows over the devices, and levels what equal parts leave uneven', () => {
    // Experts 0 to 3 on both devices, one row each; then expert 4 on device 0 alone takes three.
    const layer = { firstCopy: Int32Array.of(0, 2, 4, 6, 8, 9), deviceOf: Uint8Array.of(0, 1, 0, 1, 0, 1, 0, 1, 0) };
    const load = (rule: 'equal' | 'levelled', totals: number[]) => {
      const split = new RowSplit(layer, 2, rule);
      split.divide(totals);
      return [0, 1].map((device) =>
        split.rows.reduce((sum, n, copy) => sum + (layer.deviceOf[copy] === device ? n : 0), 0),
      );
    };
    expect(load('equal', [1, 1, 1, 1, 0])).toEqual([2, 2]);
    expect(load('equal', [1, 1, 1, 1, 3])).toEqual([5, 2]);
    expect(load('levelled', [1, 1, 1, 1, 3])).toEqual([4, 3]);
  });
});
