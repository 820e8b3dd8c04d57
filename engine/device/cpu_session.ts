import { InferenceSession, Tensor } from 'onnxruntime-node';
import { BLOB, type WeightedGraph } from '../graph/weight_blob.ts';

/**
 * One thread, no arena, no pattern, no optimiser: a session costs its weights and nothing else, and loads at the speed of
 * packing them. Rank threads are the parallelism. (Arena and thread pool per expert session would hold more than the expert.)
 */
const OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  enableCpuMemArena: false,
  enableMemPattern: false,
  graphOptimizationLevel: 'disabled',
  logSeverityLevel: 3,
};

/**
 * Creates a session whose weights are packed from `weights`; the bytes are copied, so the buffer may be used again.
 * Every graph is written with the nodes already fused, which is why the optimiser stays off.
 */
export function createCpuSession(graph: WeightedGraph, weights: Float32Array): Promise<InferenceSession> {
  const data = new Uint8Array(weights.buffer, weights.byteOffset, graph.floats * 4);
  return InferenceSession.create(graph.model, { ...OPTIONS, externalData: [{ path: BLOB, data }] });
}

export function floats(data: Float32Array, dims: readonly number[]): Tensor {
  return new Tensor('float32', data, dims);
}

export function int64s(values: readonly number[], dims: readonly number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), dims);
}
