import type { Tensor } from 'onnxruntime-node';
import type { Hidden } from '../device.ts';

/** Hidden states where they are known to lie in the device's memory. */
export function deviceTensor(hidden: Hidden): Tensor {
  if (hidden instanceof Float32Array) throw new Error("hidden states that lie in this process's memory");
  return hidden;
}
