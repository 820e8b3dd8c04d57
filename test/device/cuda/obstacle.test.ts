import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseNvidiaSmi } from '../../../engine/device/cards/nvidia_smi.ts';
import { type CudaSystem, cudaObstacle } from '../../../engine/device/cuda/obstacle.ts';
import { cudaOrdinal } from '../../../engine/device/cuda/ordinal.ts';
import { refusalIn } from '../../../engine/device/cuda/session.ts';
import { lossIn } from '../../../engine/device/device_lost.ts';
import { NVIDIA_SMI } from '../samples.ts';
import * as recorded from './recorded_errors.ts';
import { tinyLibrary } from './tiny_library.ts';

const PROVIDER = 'libonnxruntime_providers_cuda.so';
const NEEDED = ['libcublasLt.so.13', 'libcudart.so.13', 'libcuda.so.1', 'libc.so.6'];
/** Its driver is 570. */
const [OLD, , GB10] = parseNvidiaSmi(NVIDIA_SMI);
const NEW = { ...OLD, driver: '580.65.06' } as NonNullable<typeof OLD>;

function systemWith(provider: Uint8Array | undefined, load: CudaSystem['load'] = () => undefined): CudaSystem {
  const folder = mkdtempSync(path.join(tmpdir(), 'moe-cuda-'));
  if (provider !== undefined) writeFileSync(path.join(folder, PROVIDER), provider);
  return { platform: 'linux', arch: 'x64', folder, load };
}

/** glibc's words. */
const missing = (library: string) => (file: string) => {
  if (file === library) throw new Error(`${file}: cannot open shared object file: No such file or directory`);
};

afterEach(() => vi.unstubAllEnvs());

describe('what stands against CUDA', () => {
  it('is the system, the provider, a library of CUDA, the driver, or its age: each in one sentence with what to do', () => {
    vi.stubEnv('CUDA_VISIBLE_DEVICES', undefined);
    const whole = tinyLibrary(NEEDED);
    const sentences = [
      cudaObstacle(NEW, { ...systemWith(whole), platform: 'win32' }),
      cudaObstacle(GB10 as typeof NEW, { ...systemWith(whole), arch: 'arm64' }),
      cudaObstacle(NEW, systemWith(undefined)),
      cudaObstacle(NEW, systemWith(whole.subarray(0, 50))),
      cudaObstacle(NEW, systemWith(whole, missing('libcublasLt.so.13'))),
      cudaObstacle(NEW, systemWith(whole, missing('libcuda.so.1'))),
      cudaObstacle(OLD as typeof NEW, systemWith(whole)),
    ];
    expect(sentences).toEqual([
      "ONNX Runtime's Node binding has a CUDA provider for Linux on x64 only, not for Windows on x64; choose webgpu:0.",
      "ONNX Runtime's Node binding has a CUDA provider for Linux on x64 only, not for Linux on arm64; choose webgpu:0.",
      `ONNX Runtime's CUDA provider is not installed (${PROVIDER}); run "npm run setup:cuda", or choose webgpu:0.`,
      `ONNX Runtime's CUDA provider is damaged (${PROVIDER}: it is no library of 64-bit Linux); run "npm run setup:cuda", or choose webgpu:0.`,
      'ONNX Runtime\'s CUDA provider needs CUDA 13, and of that a library does not load (libcublasLt.so.13: cannot open shared object file: No such file or directory); run "npm run setup:cuda", or choose webgpu:0.',
      "NVIDIA's driver has no library for CUDA here (libcuda.so.1: cannot open shared object file: No such file or directory); install the driver with its CUDA part, or give this container the card.",
      "CUDA 13 needs NVIDIA's driver 580 or newer, and 570.124.06 is installed; update it, or choose webgpu:0.",
    ]);
  });

  it("is nothing where all load: what lies beside ONNX Runtime from there, the rest from the system, NVIDIA's own only", () => {
    const loaded: string[] = [];
    const system = systemWith(tinyLibrary(NEEDED), (file) => loaded.push(file));
    writeFileSync(path.join(system.folder, 'libcudart.so.13'), '');
    for (const name of [
      'CUDA_DEVICE_ORDER',
      'NVIDIA_TF32_OVERRIDE',
      'CUBLAS_WORKSPACE_CONFIG',
      'CUDA_VISIBLE_DEVICES',
    ]) {
      vi.stubEnv(name, undefined);
    }
    expect(cudaObstacle(NEW, system)).toBeUndefined();
    expect(loaded).toEqual(['libcublasLt.so.13', path.join(system.folder, 'libcudart.so.13'), 'libcuda.so.1']);
    expect(process.env).toMatchObject({ CUDA_DEVICE_ORDER: 'PCI_BUS_ID', NVIDIA_TF32_OVERRIDE: '0' });
    vi.stubEnv('CUDA_VISIBLE_DEVICES', '3,1');
    expect(cudaObstacle(NEW, system)).toMatch(/^CUDA_VISIBLE_DEVICES is "3,1" and leaves this card out; unset it/);
  });

  it('counts cards as this process sees them', () => {
    expect([0, 1, 3].map((index) => cudaOrdinal(index, '3, 1'))).toEqual([undefined, 1, 0]);
    expect(cudaOrdinal(2, undefined)).toBe(2);
    expect(cudaOrdinal(0, 'GPU-5a2f')).toBeUndefined();
  });
});

describe('what the provider throws', () => {
  it('refuses a card that cannot be opened, with the remedy', () => {
    expect(refusalIn(new Error(recorded.NOT_LOADED))).toContain('run "npm run setup:cuda" anew');
    expect(refusalIn(new Error(recorded.OLD_DRIVER))).toContain("NVIDIA's driver is too old for this CUDA");
    expect(refusalIn(new Error(recorded.NO_CARD))).toContain('CUDA does not see the card');
    expect(refusalIn(new Error(recorded.NO_SUCH_CARD))).toContain('CUDA does not see the card');
    expect(refusalIn(new Error(recorded.CPU_NODE))).toContain("does not run on ONNX Runtime's CUDA provider");
    for (const lost of [recorded.FULL_AT_LOAD, recorded.LOST]) expect(refusalIn(new Error(lost))).toBeUndefined();
  });

  it("is a lost device where the card is full or fails, in CUDA's own words without its places in C++", () => {
    expect([recorded.FULL_AT_LOAD, recorded.FULL_AT_RUN, recorded.LOST, recorded.PRODUCT_FAILED].map(lossIn)).toEqual([
      'it has no memory left (CUDA failure 2: out of memory)',
      'it has no memory left (Failed to allocate memory for requested buffer of size 4194304)',
      'its driver failed (CUDA failure 719: unspecified launch failure)',
      'its driver failed (CUBLAS failure 13: the GPU program failed to execute)',
    ]);
  });
});
