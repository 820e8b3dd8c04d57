import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eplb } from '../../engine/balancing/eplb.ts';
import { exportPlacement } from '../../engine/balancing/export.ts';
import { contiguous, type LayerPlacement, type Placement } from '../../engine/balancing/placement.ts';
import { fromSlots } from '../../engine/balancing/replicas.ts';
import { toSlots } from '../../engine/balancing/slots.ts';
import { layerPlacements } from './histories.ts';

/** Which experts each device holds [layers][devices]. */
const held = ({ devices, layers }: Placement) =>
  layers.map(({ firstCopy, deviceOf }) =>
    Array.from({ length: devices }, (_, device) =>
      [...Array(firstCopy.length - 1).keys()].filter((expert) =>
        deviceOf.subarray(firstCopy[expert], firstCopy[expert + 1]).includes(device),
      ),
    ),
  );

const placements: fc.Arbitrary<Placement> = fc
  .record({ experts: fc.integer({ min: 2, max: 9 }), devices: fc.integer({ min: 1, max: 4 }) })
  .chain(({ experts, devices }) =>
    fc.record({
      devices: fc.constant(devices),
      split: fc.constant('equal' as const),
      layers: fc.array(layerPlacements(experts, devices), { minLength: 1, maxLength: 3 }),
    }),
  )
  .filter((placement) => held(placement).every((layer) => layer.every((own) => own.length > 0)));

describe('a placement for other engines', () => {
  it('has the same slots on every device, and read back the same experts on each', () => {
    fc.assert(
      fc.property(placements, (placement) => {
        const table = toSlots(placement);
        const { devices, experts, slotsPerDevice } = table;
        for (const row of table.expertOf) expect(row.length).toBe(devices * slotsPerDevice);
        const back = table.expertOf.map((row): LayerPlacement => fromSlots(row, experts, devices));
        expect(held({ ...placement, layers: back })).toEqual(held(placement));

        const { phy2log, log2phy, logcnt } = JSON.parse(exportPlacement('eplb', table, [...back.keys()]));
        expect(phy2log).toEqual(table.expertOf);
        for (const [layer, byExpert] of (log2phy as number[][][]).entries()) {
          for (const [expert, slots] of byExpert.entries()) {
            const real = slots.filter((slot) => slot !== -1);
            expect(real.length).toBe(logcnt[layer][expert]);
            expect(real.every((slot) => phy2log[layer][slot] === expert)).toBe(true);
          }
          expect(byExpert.flat().filter((slot) => slot !== -1).length).toBe(devices * slotsPerDevice);
        }
        const ascend = JSON.parse(exportPlacement('vllm-ascend', table, [...back.keys()]));
        expect(ascend.moe_layer_count).toBe(back.length);
        for (const [layer, { layer_id, device_count, device_list }] of ascend.layer_list.entries()) {
          expect([layer_id, device_count]).toEqual([layer, devices]);
          const lists = device_list.map(({ device_id, device_expert }: Record<string, unknown>) => [
            device_id,
            device_expert,
          ]);
          expect(lists.map(([id]: unknown[]) => id)).toEqual([...Array(devices).keys()]);
          expect(lists.flatMap(([, own]: unknown[]) => own)).toEqual(phy2log[layer]);
        }
      }),
    );
  });

  it('is the plan of the EPLB README, through our form and back', () => {
    const weight = [[90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86]];
    const { phy2log } = eplb(weight, { replicas: 16, groups: 4, nodes: 2, devices: 8 });
    const [layer] = phy2log.map((row) => fromSlots(row, 12, 8)) as [LayerPlacement];
    const table = toSlots({ devices: 8, split: 'equal', layers: [layer] });
    const pairs = (row: ArrayLike<number>) =>
      Array.from({ length: 8 }, (_, device) =>
        [row[2 * device], row[2 * device + 1]].sort((a, b) => (a ?? 0) - (b ?? 0)),
      );
    expect(pairs(table.expertOf[0] ?? [])).toEqual(pairs(phy2log[0] ?? []));
  });

  it('has a row for every block in SGLang, dense ones in trivial order', () => {
    const table = toSlots(contiguous(2, 4, 2));
    expect(JSON.parse(exportPlacement('sglang', table, [1, 3], 5))).toEqual({
      physical_to_logical_map: Array(5).fill([0, 1, 2, 3]),
    });
    const swapped = { ...table, expertOf: [[3, 1, 2, 0], table.expertOf[1] ?? []] };
    expect(JSON.parse(exportPlacement('sglang', swapped, [1, 3])).physical_to_logical_map).toEqual([
      [0, 1, 2, 3],
      [3, 1, 2, 0],
      [0, 1, 2, 3],
      [0, 1, 2, 3],
    ]);
  });
});
