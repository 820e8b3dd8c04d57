import type { DeviceInfo } from '../../engine/protocol/model.ts';

export const cpuDevice = (id: string, defaultBudgetBytes: number): DeviceInfo => ({
  id,
  provider: 'cpu',
  name: id.replace(':', ' ').toUpperCase(),
  software: false,
  totalBytes: 16 * 2 ** 30,
  freeBytes: 8 * 2 ** 30,
  defaultBudgetBytes,
  driver: { notTold: 'a processor needs none' },
  link: { name: 'host memory' },
  reading: {
    usedBytes: 8 * 2 ** 30,
    utilisation: 0.42,
    celsius: { notTold: 'sensors of the processor are not read' },
    watts: { notTold: 'sensors of the processor are not read' },
  },
});

const CARD: DeviceInfo = {
  id: 'webgpu:0',
  provider: 'webgpu',
  name: 'Radeon RX 7900 XTX',
  loadBytesPerSecond: 12.4e9,
  software: false,
  totalBytes: 24 * 2 ** 30,
  freeBytes: 21 * 2 ** 30,
  defaultBudgetBytes: 19 * 2 ** 30,
  driver: 'amdgpu, kernel 6.12.0',
  link: { name: 'PCIe 4.0 x16' },
  reading: {
    usedBytes: 3 * 2 ** 30,
    utilisation: 0.64,
    celsius: 57,
    watts: { notTold: 'the amdgpu driver does not tell it' },
  },
};

export const fakeDevices = (cores: number, budgetBytes: number): DeviceInfo[] => [
  ...Array.from({ length: cores }, (_, i) => cpuDevice(`cpu:${i}`, budgetBytes)),
  CARD,
];

export const fakeMachine = (cores: number) => ({
  cpu: 'Pretended CPU',
  cores,
  memoryBytes: 16 * 2 ** 30,
  platform: 'linux',
  node: '20.20.2',
  onnxruntime: '1.30.0',
});
