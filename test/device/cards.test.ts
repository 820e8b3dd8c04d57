import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDrm } from '../../engine/device/cards/drm.ts';
import { parseNvidiaSmi } from '../../engine/device/cards/nvidia_smi.ts';
import { parseMacCards } from '../../engine/device/cards/system_profiler.ts';
import { parseVulkanManifest, readVulkanDrivers } from '../../engine/device/cards/vulkan_drivers.ts';
import { parseWindowsCards } from '../../engine/device/cards/windows_cim.ts';
import * as samples from './samples.ts';

const MIB = 2 ** 20;
const none = { notTold: expect.any(String) };

describe('nvidia-smi', () => {
  it('reads cards, and says of each figure that is not there why', () => {
    const [desktop, riser, shared] = parseNvidiaSmi(samples.NVIDIA_SMI);
    expect(desktop).toEqual({
      key: '0000:01:00.0',
      name: 'NVIDIA GeForce RTX 4090',
      vendor: 'nvidia',
      unified: false,
      totalBytes: 24564 * MIB,
      driver: '570.124.06',
      // 16 GT/s, 128 of 130 bits, 16 lanes.
      link: { name: 'PCIe 4.0 x16', peakBytesPerSecond: expect.closeTo(31.508e9, -7) },
      cudaIndex: 0,
      reading: { usedBytes: 1482 * MIB, utilisation: 0.37, celsius: 52, watts: 118.42 },
    });
    expect(riser).toMatchObject({ cudaIndex: 1, link: { name: 'PCIe 4.0 x8' } });
    expect(shared).toMatchObject({ key: '000f:01:00.0', unified: true, totalBytes: none, link: none });
    expect(shared?.reading).toMatchObject({ usedBytes: none, utilisation: 0.12 });
  });

  it('reads lines of Windows, and no card where there is none', () => {
    const [notebook] = parseNvidiaSmi(samples.NVIDIA_SMI_NOTEBOOK);
    expect(notebook?.reading.watts).toEqual({ notTold: 'nvidia-smi says [Not Supported]' });
    expect(notebook?.link).toMatchObject({ name: 'PCIe 4.0 x8' });
    expect(parseNvidiaSmi(samples.NVIDIA_SMI_NONE)).toEqual([]);
    expect(parseNvidiaSmi('')).toEqual([]);
  });
});

describe('/sys/class/drm', () => {
  const cards = inFolder(samples.DRM_FILES, (folder) => readDrm(folder, samples.PCI_IDS));

  it('reads an amdgpu card whole; its link as fast as it can be, not as it idles', () => {
    expect(cards[0]).toMatchObject({
      key: '0000:03:00.0',
      name: 'AMD Radeon RX 7900 XT/7900 XTX/7900 GRE/7900M',
      unified: false,
      totalBytes: 25753026560,
      link: { name: 'PCIe 4.0 x16' },
      reading: { usedBytes: 2 ** 30, utilisation: 0.64, celsius: 57, watts: 213 },
    });
  });

  it('leaves boards without a card out and says what a driver does not tell', () => {
    expect(cards.map(({ name }) => name).slice(1)).toEqual(['Intel Arc A770', 'AMD Phoenix1']);
    expect(cards[1]?.reading.utilisation).toEqual({ notTold: 'the xe driver does not tell it' });
    expect(cards[2]).toMatchObject({ unified: true, totalBytes: none, link: { name: 'unified memory' } });
  });

  it('is empty where there is no such folder', () => expect(readDrm('/nowhere', '')).toEqual([]));
});

describe('macOS', () => {
  it("takes an Apple card's statistics from ioreg", () => {
    expect(parseMacCards(samples.MAC_M3, samples.IOREG)).toEqual([
      {
        key: 'macos:0',
        name: 'Apple M3 Pro',
        vendor: 'apple',
        unified: true,
        totalBytes: none,
        driver: 'Metal 3',
        link: { name: 'unified memory' },
        reading: { usedBytes: 1183055872, utilisation: 0.29, celsius: none, watts: none },
      },
    ]);
  });

  it('does not give the statistics of two cards to either', () => {
    const [shared, own] = parseMacCards(samples.MAC_INTEL, samples.IOREG);
    expect(shared).toMatchObject({ unified: true, reading: { utilisation: none } });
    expect(own).toMatchObject({ unified: false, totalBytes: 8 * 2 ** 30, reading: { usedBytes: none } });
  });
});

describe('Windows', () => {
  it('reads one card: 64-bit memory, its busiest engine over all processes', () => {
    expect(parseWindowsCards(samples.WINDOWS_ONE)).toMatchObject([
      {
        name: 'AMD Radeon RX 7900 XTX',
        vendor: 'amd',
        unified: false,
        totalBytes: 25753026560,
        driver: '32.0.12033.1030',
        reading: { usedBytes: 2 ** 31, utilisation: 0.35, celsius: none },
      },
    ]);
  });

  it('does not give counters to one of two cards', () => {
    const [shared, own] = parseWindowsCards(samples.WINDOWS_TWO);
    expect(shared).toMatchObject({ vendor: 'intel', unified: true, reading: { usedBytes: none } });
    expect(own).toMatchObject({ vendor: 'nvidia', totalBytes: 2 ** 32, reading: { utilisation: none } });
  });

  it('refuses another form', () => expect(() => parseWindowsCards('{"cards": [{"name": 7}]}')).toThrow());
});

describe('Vulkan drivers', () => {
  it('are known by their library', () => {
    expect(parseVulkanManifest(samples.SWIFTSHADER_ICD)).toEqual({ software: 'SwiftShader' });
    expect(parseVulkanManifest(samples.LAVAPIPE_ICD)).toEqual({ software: 'llvmpipe' });
    expect(parseVulkanManifest(samples.RADV_ICD)).toEqual({ vendor: 'amd' });
    expect(parseVulkanManifest(samples.NVIDIA_ICD)).toEqual({ vendor: 'nvidia' });
    expect(parseVulkanManifest('{"ICD": {}}')).toBeUndefined();
  });

  it('named in the environment replace the installed ones; broken files are skipped', () => {
    const files = { 'a.json': samples.RADV_ICD, 'b.json': 'not json' };
    const drivers = inFolder(files, (folder) =>
      readVulkanDrivers({ VK_DRIVER_FILES: `${path.join(folder, 'a.json')}:${path.join(folder, 'b.json')}` }),
    );
    expect(drivers).toEqual([{ vendor: 'amd' }]);
  });
});

function inFolder<T>(files: Readonly<Record<string, string>>, read: (folder: string) => T): T {
  const root = mkdtempSync(path.join(tmpdir(), 'moe-cards-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), content);
  }
  try {
    return read(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}
