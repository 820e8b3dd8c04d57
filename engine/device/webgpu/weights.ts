import type { Tensor } from 'onnxruntime-node';
import type { WebGpuGraphBuilder } from '../../graph/webgpu_builder.ts';
import type { WebGpuMemory } from './memory.ts';

export type Weights = Readonly<Record<string, Tensor>>;

/** Sends a graph's weights to the device. @param blob their bytes, which may be used again after */
export async function uploadWeights(
  memory: WebGpuMemory,
  { weights }: WebGpuGraphBuilder,
  blob: Uint8Array,
): Promise<Weights> {
  const tensors: Record<string, Tensor> = {};
  for (const [name, { type, dims, transposed, offsetBytes, byteLength }] of weights) {
    const bytes = blob.subarray(offsetBytes, offsetBytes + byteLength);
    const data = type === 'uint8' ? bytes : new Float32Array(bytes.buffer, bytes.byteOffset, byteLength / 4);
    tensors[name] = await memory.upload(type, data, dims, transposed);
  }
  return tensors;
}

export function dispose(weights: Weights): void {
  for (const tensor of Object.values(weights)) tensor.dispose();
}
