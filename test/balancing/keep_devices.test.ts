import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keepDevices } from '../../engine/balancing/keep_devices.ts';
import { type Placement, singleCopies } from '../../engine/balancing/placement.ts';
import { movedCopies } from '../../engine/coordinator/live_placement.ts';

/** Placements of 12 experts on D devices, one to three copies each. */
const placement = (devices: number): fc.Arbitrary<Placement> =>
  fc
    .array(fc.array(fc.nat(devices - 1), { minLength: 1, maxLength: 3 }), { minLength: 12, maxLength: 12 })
    .map((copies) => {
      const firstCopy = Int32Array.from({ length: 13 }, (_, expert) => copies.slice(0, expert).flat().length);
      const deviceOf = Uint8Array.from(copies.flatMap((devicesOf) => [...devicesOf].sort((a, b) => a - b)));
      return { devices, split: 'equal', layers: [{ firstCopy, deviceOf }] };
    });
const pair = fc.integer({ min: 1, max: 5 }).chain((devices) => fc.tuple(placement(devices), placement(devices)));

describe('devices kept when experts are placed anew', () => {
  it('is the same partition under other names and never moves more', () => {
    fc.assert(
      fc.property(pair, ([before, after]) => {
        const kept = keepDevices(after, before);
        expect(movedCopies(before, kept)).toBeLessThanOrEqual(movedCopies(before, after));
        const groups = ({ devices, layers: [layer] }: Placement) =>
          Array.from({ length: devices }, (_, device) => {
            const { firstCopy, deviceOf } = layer as Placement['layers'][number];
            return Array.from(
              { length: 12 },
              (_, expert) =>
                Array.from(deviceOf.subarray(firstCopy[expert], firstCopy[expert + 1])).filter((at) => at === device)
                  .length,
            ).join();
          }).sort();
        expect(groups(kept)).toEqual(groups(after));
      }),
    );
  });

  it('moves nothing where only the names were others', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(3), { minLength: 12, maxLength: 12 }),
        fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
        (devices, names) => {
          const before = singleCopies(4, [Uint8Array.from(devices)]);
          const after = singleCopies(4, [Uint8Array.from(devices, (device) => names[device] as number)]);
          expect(movedCopies(before, keepDevices(after, before))).toBe(0);
        },
      ),
    );
  });

  it('ascends within an expert', () => {
    fc.assert(
      fc.property(pair, ([before, after]) => {
        const [layer] = keepDevices(after, before).layers as [Placement['layers'][number]];
        for (let expert = 0; expert < 12; expert++) {
          const devices = [...layer.deviceOf.subarray(layer.firstCopy[expert], layer.firstCopy[expert + 1])];
          expect(devices).toEqual([...devices].sort((a, b) => a - b));
        }
      }),
    );
  });
});
