import { describe, expect, it } from 'vitest';
import type { Card } from '../../engine/device/cards/card.ts';
import { parseNvidiaSmi } from '../../engine/device/cards/nvidia_smi.ts';
import { parseMacCards } from '../../engine/device/cards/system_profiler.ts';
import { parseWindowsCards } from '../../engine/device/cards/windows_cim.ts';
import { chooseDevices, devicesOf, type System } from '../../engine/device/discovery.ts';
import { whySameCard } from '../../engine/device/same_card.ts';
import type { DeviceInfo } from '../../engine/protocol/model.ts';
import * as samples from './samples.ts';

const LINUX = { platform: 'linux', arch: 'x64', cudaObstacle: () => undefined } as const;
const BARE: System = { ...LINUX, cards: [], vulkanDrivers: [] };
const DESKTOP = parseNvidiaSmi(samples.NVIDIA_SMI).slice(0, 1);

const device = (system: System, id: string): DeviceInfo | undefined =>
  devicesOf(system).devices.find((entry) => entry.id === id);

describe('devices', () => {
  it('are processors first, and say why there is no other', () => {
    const { devices, absent } = devicesOf(BARE);
    expect(devices.every(({ provider }) => provider === 'cpu')).toBe(true);
    expect(devices[0]?.id).toBe('cpu:0');
    expect(absent.map(({ provider }) => provider)).toEqual(['webgpu', 'cuda']);
  });

  it('say where ONNX Runtime has no WebGPU', () => {
    const { absent } = devicesOf({ ...BARE, arch: 'arm64', cards: DESKTOP, vulkanDrivers: [{ vendor: 'nvidia' }] });
    expect(absent[0]).toEqual({
      provider: 'webgpu',
      reason: 'ONNX Runtime brings no WebGPU provider for Linux on arm64.',
    });
  });

  it('take nine tenths of the memory that no other program holds', () => {
    const webgpu = device({ ...LINUX, cards: DESKTOP, vulkanDrivers: [{ vendor: 'nvidia' }] }, 'webgpu:0');
    const free = (24564 - 1482) * 2 ** 20;
    expect(webgpu).toMatchObject({ software: false, freeBytes: free, reading: { utilisation: 0.37, celsius: 52 } });
    expect(webgpu?.defaultBudgetBytes).toBe(Math.floor(free * 0.9));
  });

  it('are labelled where a processor plays the card', () => {
    const swift = device({ ...BARE, vulkanDrivers: [{ software: 'SwiftShader' }] }, 'webgpu:0');
    expect(swift).toMatchObject({ software: true, name: 'SwiftShader, Vulkan on the processor' });
    expect(device({ ...BARE, platform: 'win32' }, 'webgpu:0')).toMatchObject({ software: true });
  });

  it('prefer a card to a processor that plays one, and need its Vulkan driver', () => {
    const drivers = [{ software: 'llvmpipe' }, { vendor: 'nvidia' as const }];
    expect(device({ ...LINUX, cards: DESKTOP, vulkanDrivers: drivers }, 'webgpu:0')?.software).toBe(false);
    const { absent } = devicesOf({ ...LINUX, cards: DESKTOP, vulkanDrivers: [] });
    expect(absent).toEqual([{ provider: 'webgpu', reason: expect.stringContaining('no Vulkan driver for NVIDIA') }]);
  });

  it('do not claim the figures of a card that may be another', () => {
    const cards = parseNvidiaSmi(samples.NVIDIA_SMI).slice(0, 2);
    const webgpu = device({ ...LINUX, cards, vulkanDrivers: [{ vendor: 'nvidia' }] }, 'webgpu:0');
    expect(webgpu?.name).toBe('NVIDIA GeForce RTX 4090 or NVIDIA RTX A5000');
    expect(webgpu?.freeBytes).toEqual({ notTold: expect.any(String) });
    expect(webgpu?.reading.utilisation).toEqual({ notTold: expect.any(String) });
  });

  it('prefer memory of their own on Windows, and share the host memory on a Mac', () => {
    const windows = parseWindowsCards(samples.WINDOWS_TWO);
    expect(device({ ...LINUX, platform: 'win32', cards: windows, vulkanDrivers: [] }, 'webgpu:0')?.name).toContain(
      'RTX 3050',
    );
    const mac = device(
      { ...LINUX, platform: 'darwin', cards: parseMacCards(samples.MAC_M3, ''), vulkanDrivers: [] },
      'webgpu:0',
    );
    expect(mac).toMatchObject({ name: 'Apple M3 Pro', link: { name: 'unified memory' } });
    expect(mac?.totalBytes).toBeGreaterThan(0);
  });
});

describe('CUDA cards', () => {
  const cards = parseNvidiaSmi(samples.NVIDIA_SMI).slice(0, 2);

  it('are listed with their own figures, and leave a quarter of what is free', () => {
    const second = device({ ...LINUX, cards, vulkanDrivers: [{ vendor: 'nvidia' }] }, 'cuda:1');
    const freeBytes = (24564 - 3) * 2 ** 20;
    const defaultBudgetBytes = Math.floor(freeBytes * 0.75);
    expect(second).toMatchObject({ name: 'NVIDIA RTX A5000', freeBytes, defaultBudgetBytes, reading: { celsius: 31 } });
    expect(second).not.toHaveProperty('refusal');
  });

  it('are refused with what stands against each', () => {
    const obstructed = { ...LINUX, cards, vulkanDrivers: [], cudaObstacle: ({ name }: Card) => `${name} rests.` };
    expect(device(obstructed, 'cuda:0')?.refusal).toBe('NVIDIA GeForce RTX 4090 rests.');
  });
});

describe('choosing', () => {
  it('finds a card that two providers reach', () => {
    const cards = parseNvidiaSmi(samples.NVIDIA_SMI).slice(0, 2);
    const { devices } = devicesOf({ ...LINUX, cards, vulkanDrivers: [{ vendor: 'nvidia' }] });
    const of = (...ids: string[]) => whySameCard(devices.filter(({ id }) => ids.includes(id)));
    expect(of('cpu:0', 'cuda:0', 'cuda:1')).toBeUndefined();
    expect(of('webgpu:0', 'cpu:0')).toBeUndefined();
    expect(of('webgpu:0', 'cuda:1')).toMatch(/^devices: webgpu:0 and cuda:1 may be the same NVIDIA RTX A5000, /);
  });

  it('refuses what is not there or named twice', async () => {
    await expect(chooseDevices([{ id: 'cpu:4096' }])).rejects.toThrow('this machine has no "cpu:4096"');
    await expect(chooseDevices([{ id: 'cpu:0' }, { id: 'cpu:0' }])).rejects.toThrow('named twice');
  });

  it('takes the named budget, else the default', async () => {
    const [named] = await chooseDevices([{ id: 'cpu:0', budgetBytes: 12345 }]);
    expect(named).toMatchObject({ id: 'cpu:0', bytes: 12345, device: { provider: 'cpu' } });
    const [unnamed] = await chooseDevices([{ id: 'cpu:0' }]);
    expect(unnamed?.bytes).toBeGreaterThan(0);
  });
});
