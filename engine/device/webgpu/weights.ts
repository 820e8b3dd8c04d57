import type { Tensor } from 'onnxruntime-node';
import type { ElementType } from '../../graph/onnx.ts';
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
    tensors[name] = await memory.upload(type, valuesOf(type, bytes), dims, transposed);
  }
  return tensors;
}

function valuesOf(type: ElementType, bytes: Uint8Array): Float32Array | Uint16Array | Uint8Array {
  const { buffer, byteOffset, byteLength } = bytes;
  if (type === 'uint8') return bytes;
  return type === 'float16'
    ? new Uint16Array(buffer, byteOffset, byteLength / 2)
    : new Float32Array(buffer, byteOffset, byteLength / 4);
}

export function dispose(weights: Weights): void {
  for (const tensor of Object.values(weights)) tensor.dispose();
}
