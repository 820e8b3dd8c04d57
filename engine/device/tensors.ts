import { Tensor } from 'onnxruntime-node';

export function floats(data: Float32Array, dims: readonly number[]): Tensor {
  return new Tensor('float32', data, dims);
}

export function int64s(values: readonly number[], dims: readonly number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), dims);
}

/** Milliseconds that a rank spent inside ONNX Runtime (create, run, release), so that a step can say what is not. */
export interface RuntimeMeter {
  ms: number;
}
