import { existsSync } from 'node:fs';
import path from 'node:path';
import { isTold } from '../../protocol/model.ts';
import type { Card } from '../cards/card.ts';
import { neededLibraries } from './elf_needed.ts';
import { cudaOrdinal } from './ordinal.ts';

const PROVIDER = 'libonnxruntime_providers_cuda.so';
const SYSTEMS: Readonly<Record<string, string>> = { win32: 'Windows', darwin: 'macOS', linux: 'Linux' };
const REMEDY = 'run "npm run setup:cuda", or choose webgpu:0';

/** NVIDIA's oldest driver for each major version of CUDA. */
const OLDEST_DRIVER: Readonly<Record<number, number>> = { 12: 525, 13: 580 };

/** RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE. */
const STAY = 0x2 | 0x100 | 0x1000;

export interface CudaSystem {
  readonly platform: string;
  readonly arch: string;
  /** Where ONNX Runtime's own library lies: it looks for its providers there. */
  readonly folder: string;
  /** Loads a library for the rest of the process. @throws Error with the loader's own words */
  load(file: string): void;
}

export const thisSystem = (): CudaSystem => ({
  platform: process.platform,
  arch: process.arch,
  folder: runtimeFolder(),
  load: loadLibrary,
});

/**
 * Why ONNX Runtime's CUDA provider cannot be had for a card, in one sentence; undefined where it can. Then the libraries that it needs are
 * loaded, from its own folder or from where the system has them, and the process's environment is set for it: call it on the main thread,
 * whose environment is the process's own. Nothing is held on a card yet.
 *
 * Opening a session to see was rejected: ONNX Runtime says "failed to load shared library" and tells which on its standard error only, and
 * one that opens leaves a context of hundreds of megabytes on the card.
 */
export function cudaObstacle(
  card: Card,
  { platform, arch, folder, load }: CudaSystem = thisSystem(),
): string | undefined {
  if (platform !== 'linux' || arch !== 'x64') {
    return `ONNX Runtime's Node binding has a CUDA provider for Linux on x64 only, not for ${SYSTEMS[platform] ?? platform} on ${arch}; choose webgpu:0.`;
  }
  const provider = path.join(folder, PROVIDER);
  if (!existsSync(provider)) return `ONNX Runtime's CUDA provider is not installed (${PROVIDER}); ${REMEDY}.`;
  const needed = needs(provider);
  if (typeof needed === 'string') return `${needed}; ${REMEDY}.`;
  const major = Number(needed.find((name) => name.startsWith('libcudart.so.'))?.slice('libcudart.so.'.length));
  for (const name of needed) {
    const own = path.join(folder, name);
    try {
      load(existsSync(own) ? own : name);
    } catch (error) {
      const says = (error as Error).message;
      return name.startsWith('libcuda.so')
        ? `NVIDIA's driver has no library for CUDA here (${says}); install the driver with its CUDA part, or give this container the card.`
        : `ONNX Runtime's CUDA provider needs CUDA ${major}, and of that a library does not load (${says}); ${REMEDY}.`;
    }
  }
  const oldest = OLDEST_DRIVER[major];
  if (oldest !== undefined && isTold(card.driver) && Number.parseInt(card.driver, 10) < oldest) {
    return `CUDA ${major} needs NVIDIA's driver ${oldest} or newer, and ${card.driver} is installed; update it, or choose webgpu:0.`;
  }
  if (cudaOrdinal(card.cudaIndex ?? 0) === undefined) {
    return `CUDA_VISIBLE_DEVICES is "${process.env.CUDA_VISIBLE_DEVICES}" and leaves this card out; unset it, or name the card there by its number.`;
  }
  setEnvironment();
  return undefined;
}

/**
 * - Cards are counted as nvidia-smi counts them, not by speed.
 * - Products of float32 are that: ONNX Runtime asks for TF32, which has the mantissa of float16, and its Node binding cannot ask otherwise.
 * - A session opens two cuBLAS handles, and each takes megabytes of work space unless told: here eight times 16 KiB.
 */
function setEnvironment(): void {
  process.env.CUDA_DEVICE_ORDER = 'PCI_BUS_ID';
  process.env.NVIDIA_TF32_OVERRIDE ??= '0';
  process.env.CUBLAS_WORKSPACE_CONFIG ??= ':16:8';
}

/** NVIDIA's libraries among those that the provider asks for, or what is wrong with its file. */
function needs(provider: string): string[] | string {
  try {
    return neededLibraries(provider).filter((name) => name.startsWith('libcu'));
  } catch (error) {
    return `ONNX Runtime's CUDA provider is damaged (${PROVIDER}: ${(error as Error).message.replace(`${provider} `, 'it ')})`;
  }
}

/** Node loads any library; of one that is no addon it says so, but by then it is there, and stays. */
function loadLibrary(file: string): void {
  try {
    process.dlopen({ exports: {} }, file, STAY);
  } catch (error) {
    if (!(error as Error).message.startsWith('Module did not self-register')) throw error;
  }
}

function runtimeFolder(): string {
  const home = path.dirname(require.resolve('onnxruntime-node/package.json'));
  return path.join(home, 'bin/napi-v6', process.platform, process.arch);
}
