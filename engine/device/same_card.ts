import type { DeviceInfo } from '../protocol/model.ts';

/**
 * Why two devices cannot be chosen together: WebGPU and CUDA reach the same NVIDIA card, and its memory would be promised twice. By
 * name, since which card WebGPU takes is foretold only (webgpu_adapter.ts). In one sentence; undefined where none are.
 */
export function whySameCard(devices: readonly DeviceInfo[]): string | undefined {
  const webgpu = devices.find(({ provider }) => provider === 'webgpu');
  const cuda = devices.find(
    ({ provider, name }) => provider === 'cuda' && webgpu?.name.split(' or ').includes(name) === true,
  );
  if (webgpu === undefined || cuda === undefined) return undefined;
  return `devices: ${webgpu.id} and ${cuda.id} may be the same ${cuda.name}, and its memory would be promised twice; choose one of them.`;
}
