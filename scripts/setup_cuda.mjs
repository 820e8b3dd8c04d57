import { installCudaProvider } from './lib/cuda_provider.mjs';
import { ensureInstalled } from './lib/install.mjs';

try {
  await ensureInstalled();
  console.error("Fetching ONNX Runtime's CUDA provider and CUDA 13's libraries (0.7 GB, under NVIDIA's licence)");
  const files = await installCudaProvider();
  console.log(`${files.length} libraries installed; "npm run moe -- devices" says which cards can be used.`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
