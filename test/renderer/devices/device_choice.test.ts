import { describe, expect, it } from 'vitest';
import { devicesText, toggled, withBudgets, withProcessors } from '../../../src-renderer/devices/device_choice.ts';
import { cpuDevice } from '../../ui/fake_machine.ts';

const cpus = ['cpu:0', 'cpu:1', 'cpu:2'].map((id) => cpuDevice(id, 1));

describe('a choice of devices', () => {
  it('is said by kind', () => {
    expect(devicesText([{ id: 'cpu:0' }, { id: 'cpu:1' }])).toBe('2 × CPU');
    expect(devicesText([{ id: 'webgpu:0' }, { id: 'cpu:0' }])).toBe('WebGPU + 1 × CPU');
    expect(devicesText([{ id: 'cuda:0' }, { id: 'cuda:1' }])).toBe('2 × CUDA');
  });

  it('never becomes empty', () => {
    expect(toggled([{ id: 'cpu:0' }], 'cpu:0')).toEqual([{ id: 'cpu:0' }]);
    expect(toggled([{ id: 'cpu:0' }], 'webgpu:0')).toEqual([{ id: 'cpu:0' }, { id: 'webgpu:0' }]);
    expect(toggled([{ id: 'cpu:0' }, { id: 'webgpu:0' }], 'cpu:0')).toEqual([{ id: 'webgpu:0' }]);
  });

  it('keeps cards and budgets when the number of processors changes', () => {
    const before = [
      { id: 'webgpu:0', budgetBytes: 9 },
      { id: 'cpu:0', budgetBytes: 5 },
    ];
    expect(withProcessors(before, cpus, 2)).toEqual([
      { id: 'webgpu:0', budgetBytes: 9 },
      { id: 'cpu:0', budgetBytes: 5 },
      { id: 'cpu:1', budgetBytes: 5 },
    ]);
    expect(withProcessors(before, cpus, 0)).toEqual([{ id: 'webgpu:0', budgetBytes: 9 }]);
    expect(withBudgets(before, ['cpu:0'], undefined)).toEqual([{ id: 'webgpu:0', budgetBytes: 9 }, { id: 'cpu:0' }]);
  });
});
