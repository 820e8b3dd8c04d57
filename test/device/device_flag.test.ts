import { expect, it } from 'vitest';
import { devicesFlag } from '../../engine/entry/commands/device_flag.ts';

it('counts processors, numbers cards, and mixes them', () => {
  expect(devicesFlag({})).toEqual([{ id: 'cpu:0' }]);
  expect(devicesFlag({ devices: 'webgpu:0,cpu:2', 'budget-mib': '3' })).toEqual(
    ['webgpu:0', 'cpu:0', 'cpu:1'].map((id) => ({ id, budgetBytes: 3 * 2 ** 20 })),
  );
  for (const devices of ['cpu', 'cpu:0', 'gpu:1', 'cpu:1,', '']) expect(() => devicesFlag({ devices })).toThrow();
});
